"""The memory source, on a real store with the real embeddings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from vital_shared.models.knowledge import Chunk
from vital_shared.models.retrieval_tuning import RetrievalTuning, StoredTuning, TunedModels
from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.hybrid import merged
from vital_shared.retrieval.memory import MemorySource
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.tunings import Tunings
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.retrieval_tunings import RetrievalTuningStore

TEXTS = [
    "Honey is ripe when most cells are capped.",
    "The canal is 67 kilometres long and has 23 locks.",
    "Error XJ-4471 means that the pump is blocked.",
    "Tenants may end the lease with four weeks' notice.",
]


async def add(
    knowledge: KnowledgeStore, text: str, *, tenant_id: str | None = None, embedder: Embedder | None = None
) -> None:
    vector = (await embedder.embed_passages([passage_text("", "", text)]))[0] if embedder else None
    chunk = Chunk(text=text, embedding=None if vector is None else vector.astype("<f4").tobytes())
    await knowledge.replace(
        tenant_id=tenant_id, uri=text, title="", content_hash=text, media_type="text/plain", chunks=[chunk]
    )


@pytest.fixture
async def filled(knowledge: KnowledgeStore, bge: Embedder) -> KnowledgeStore:
    for text in TEXTS:
        await add(knowledge, text, embedder=bge)
    return knowledge


async def test_passages_are_found_by_meaning(filled: KnowledgeStore, bge: Embedder, tmp_path: Path) -> None:
    found = await MemorySource(filled, bge, tmp_path).search(
        "How can a renter move out?", tenant_id="a", limit=2
    )
    assert found[0].text == TEXTS[3]
    assert found[0].source == "memory"
    assert [passage.score for passage in found] == sorted((p.score for p in found), reverse=True)


async def test_passages_are_found_by_rare_words(
    filled: KnowledgeStore, bge: Embedder, tmp_path: Path
) -> None:
    found = await MemorySource(filled, bge, tmp_path).search("XJ-4471", tenant_id="a", limit=1)
    assert found[0].text == TEXTS[2]


async def test_without_an_embedder_words_find_them(filled: KnowledgeStore, tmp_path: Path) -> None:
    found = await MemorySource(filled, None, tmp_path).search("locks of the canal", tenant_id="a", limit=3)
    assert [passage.text for passage in found] == [TEXTS[1]]


async def test_what_has_no_embedding_is_found_by_words(
    filled: KnowledgeStore, bge: Embedder, tmp_path: Path
) -> None:
    await add(filled, "The glockenspiel hangs in the tower.")
    found = await MemorySource(filled, bge, tmp_path).search("glockenspiel", tenant_id="a", limit=9)
    assert "The glockenspiel hangs in the tower." in [passage.text for passage in found]


@pytest.mark.parametrize("with_embedder", [True, False])
async def test_other_tenants_passages_are_never_found(
    knowledge: KnowledgeStore, bge: Embedder, with_embedder: bool, tmp_path: Path
) -> None:
    await add(knowledge, "The secret of b is honey.", tenant_id="b", embedder=bge)
    await add(knowledge, "Honey for all.", embedder=bge)
    source = MemorySource(knowledge, bge if with_embedder else None, tmp_path)
    mine = await source.search("honey secret", tenant_id="a", limit=9)
    theirs = await source.search("honey secret", tenant_id="b", limit=9)
    assert {passage.text for passage in mine} == {"Honey for all."}
    assert {passage.text for passage in theirs} == {"Honey for all.", "The secret of b is honey."}


@pytest.mark.parametrize("query", ["...", "\x00", "AND OR NOT", 'x" OR "y'])
async def test_any_text_is_a_query(filled: KnowledgeStore, bge: Embedder, query: str, tmp_path: Path) -> None:
    assert len(await MemorySource(filled, bge, tmp_path).search(query, tenant_id="a", limit=2)) == 2


async def test_an_empty_store_finds_nothing(knowledge: KnowledgeStore, bge: Embedder, tmp_path: Path) -> None:
    assert await MemorySource(knowledge, bge, tmp_path).search("honey", tenant_id="a", limit=5) == ()


def test_meaning_counts_more_than_words() -> None:
    scores = merged({1: 0.8, 2: 0.5, 3: 0.6}, {2: 9.0, 3: 4.5}, keyword_weight=0.3)
    assert sorted(scores, key=lambda chunk_id: -scores[chunk_id]) == [1, 3, 2]
    assert merged({}, {}, keyword_weight=0.3) == {}
    assert merged({1: 0.7}, {}, keyword_weight=0.3) == {1: 1.0}


async def test_words_in_another_language_are_found_in_other_forms(
    knowledge: KnowledgeStore, tmp_path: Path
) -> None:
    await add(knowledge, "Die Gebühren werden von den Bibliotheken der Stadt jährlich festgelegt.")
    await add(knowledge, "Der Garten ist im Sommer jeden Abend bis neun Uhr geöffnet.")
    await add(knowledge, TEXTS[0])
    source = MemorySource(knowledge, None, tmp_path)
    await (
        source.catch_up()
    )  # it loads the model of languages, for which a search on a busy machine does not wait
    for question in ("Gebühr", "Welche Bibliothek?", "Stadtgebühr Bibliothek"):
        found = await source.search(question, tenant_id="a", limit=1)
        assert [passage.text[:12] for passage in found] == ["Die Gebühren"]


async def test_the_weight_of_words_decides_between_them_and_meaning(
    knowledge: KnowledgeStore, bge: Embedder, tmp_path: Path
) -> None:
    await add(knowledge, "Cats sleep for most of the day.", embedder=bge)
    await add(knowledge, "A kitten naps sixteen hours.", embedder=bge)
    await add(knowledge, "The day of the canal begins with cats of iron: cranes.", embedder=bge)
    source = MemorySource(knowledge, bge, tmp_path)

    async def first(weight: float) -> str:
        tuning = RetrievalTuning(keyword_weight=weight)
        found = await source.search_by(tuning, "cranes and naps of cats by day", tenant_id="a", limit=3)
        return found[0].text

    assert await first(0) != await first(10)


async def test_a_tenants_tuning_is_searched_by(
    knowledge: KnowledgeStore, bge: Embedder, tmp_path: Path
) -> None:
    """Words alone count for one tenant, so that the score of what has none of them is hardly any."""
    for text in TEXTS:
        await add(knowledge, text, embedder=bge)
    store = RetrievalTuningStore(knowledge.database)
    tunings = Tunings(store, None, reranker="", calibration="")
    source = MemorySource(knowledge, bge, tmp_path, tunings)
    tuned = StoredTuning(
        tuning=RetrievalTuning(name="a", keyword_weight=9.0),
        models=await tunings.models(),
        tuned_at=datetime.now(UTC),
        questions=20,
    )
    await store.put("a", tuned)
    for tenant, weight in (("a", 9.0), ("b", 0.3)):
        (best,) = await source.search("the locks of the canal", tenant_id=tenant, limit=1)
        assert best.score == pytest.approx(1 + weight)
    await store.put(
        "a", tuned.model_copy(update={"models": TunedModels(embedder="x", reranker="", calibration="")})
    )
    (best,) = await source.search("the locks of the canal", tenant_id="a", limit=1)
    assert best.score == pytest.approx(1.3)
