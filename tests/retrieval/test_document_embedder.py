"""The model of an empty store is chosen with its first documents, and kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vital_shared.errors import ConfigurationError
from vital_shared.retrieval.document_embedder import DocumentEmbedder
from vital_shared.retrieval.embedding_models import BGE, E5
from vital_shared.retrieval.ingest import Ingestor
from vital_shared.store.knowledge import KnowledgeStore

SWEDISH = "Filtret ska rengöras varannan vecka och tvättas i ljummet vatten två gånger om året."
ENGLISH = "The filter must be cleaned every other week and washed in lukewarm water twice a year."


class Model:
    """Embeds everything as the same vector, and counts."""

    dimension = 384

    def __init__(self, name: str, value: float) -> None:
        self.name = name
        self.value = value
        self.texts: list[str] = []

    async def embed_query(self, text: str) -> np.ndarray:
        return (await self.embed_passages([text]))[0]

    async def embed_passages(self, texts: list[str], *, side_by_side: bool = False) -> np.ndarray:
        self.texts += texts
        return np.full((len(texts), 384), self.value, np.float32)


@pytest.fixture
def models() -> dict[str, Model]:
    return {BGE.name: Model(BGE.name, 0.1), E5.name: Model(E5.name, 0.2)}


@pytest.mark.parametrize(
    ("preference", "texts", "chosen"),
    [
        ("auto", [ENGLISH], BGE.name),
        ("auto", [SWEDISH], E5.name),
        ("auto", [ENGLISH, ENGLISH, SWEDISH], E5.name),
        ("auto", [ENGLISH] * 9 + [SWEDISH], BGE.name),
        ("english", [SWEDISH], BGE.name),
        ("multilingual", [ENGLISH], E5.name),
    ],
)
async def test_the_first_documents_choose(knowledge: KnowledgeStore, models, preference, texts, chosen):
    embedder = DocumentEmbedder(knowledge, models, preference)
    await embedder.embed_passages(texts)
    assert models[chosen].texts == texts
    assert embedder.name == chosen
    assert await knowledge.embedding_model() == chosen


async def test_later_documents_and_questions_go_to_the_chosen_model(knowledge: KnowledgeStore, models):
    await DocumentEmbedder(knowledge, models).embed_passages([SWEDISH])
    other_process = DocumentEmbedder(knowledge, models, "english")
    await other_process.embed_passages([ENGLISH])
    await other_process.embed_query("How often?")
    assert models[E5.name].texts == [SWEDISH, ENGLISH, "How often?"]


async def test_a_choice_made_elsewhere_is_seen(knowledge: KnowledgeStore, models):
    serving = DocumentEmbedder(knowledge, models)
    await serving.embed_query("before")
    await DocumentEmbedder(knowledge, models).embed_passages([SWEDISH])
    await serving.embed_query("after")
    assert (models[BGE.name].texts, models[E5.name].texts) == (["before"], [SWEDISH, "after"])


async def test_two_that_choose_at_once_agree(knowledge: KnowledgeStore):
    assert await knowledge.keep_embedding_model(E5.name) == E5.name
    assert await knowledge.keep_embedding_model(BGE.name) == E5.name


async def test_without_the_multilingual_model_the_english_one_is_used(knowledge: KnowledgeStore, models):
    del models[E5.name]
    await DocumentEmbedder(knowledge, models).embed_passages([SWEDISH])
    assert models[BGE.name].texts == [SWEDISH]


async def test_a_model_that_is_gone_is_named(knowledge: KnowledgeStore, models):
    await DocumentEmbedder(knowledge, models).embed_passages([SWEDISH])
    del models[E5.name]
    with pytest.raises(
        ConfigurationError, match=r"multilingual-e5-small.*`vital models install multilingual`"
    ):
        await DocumentEmbedder(knowledge, models).embed_query("Hur?")


async def test_a_store_whose_last_document_is_deleted_chooses_anew(knowledge: KnowledgeStore, models):
    embedder = DocumentEmbedder(knowledge, models)
    first = await Ingestor(knowledge, embedder).ingest_bytes(SWEDISH.encode(), uri="a.txt", tenant_id=None)
    await Ingestor(knowledge, embedder).ingest_bytes(SWEDISH.encode() * 2, uri="b.txt", tenant_id=None)
    await knowledge.delete(str(first.document_id), tenant_id=None)
    assert await knowledge.embedding_model() == E5.name
    (left,) = await knowledge.list(tenant_id=None)
    await knowledge.delete(left.id, tenant_id=None)
    assert await knowledge.embedding_model() == ""


async def test_an_english_readme_does_not_choose_for_a_swedish_folder(
    knowledge: KnowledgeStore, models, tmp_path: Path
):
    (tmp_path / "README.md").write_text(ENGLISH)
    for n in range(5):
        (tmp_path / f"text-{n}.md").write_text(f"# Avsnitt {n}\n\n{SWEDISH}")
    async for _ in Ingestor(knowledge, DocumentEmbedder(knowledge, models)).ingest_paths(
        [tmp_path], tenant_id=None
    ):
        pass
    assert await knowledge.embedding_model() == E5.name
    assert len(models[E5.name].texts) == 6
