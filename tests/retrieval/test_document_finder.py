"""A search that shows its reasons, on a real store with the real models."""

from __future__ import annotations

from pathlib import Path

from tests.retrieval.test_memory import TEXTS, add

from vital_shared.models.retrieval_tuning import RetrievalTuning
from vital_shared.retrieval.document_finder import find_in_documents
from vital_shared.retrieval.embedding import Embedder
from vital_shared.retrieval.fusion import Fusion
from vital_shared.retrieval.memory import MemorySource
from vital_shared.retrieval.rerank import Reranker
from vital_shared.store.knowledge import KnowledgeStore

TUNING = RetrievalTuning(keyword_weight=0.4)


async def test_each_passage_shows_the_scores_that_its_place_comes_from(
    knowledge: KnowledgeStore, bge: Embedder, reranker: Reranker, tmp_path: Path
) -> None:
    for text in TEXTS:
        await add(knowledge, text, embedder=bge)
    memory, fusion = MemorySource(knowledge, bge, tmp_path), Fusion(reranker)
    found = await find_in_documents(
        "How long is the canal?", tenant_id="a", limit=3, tuning=TUNING, memory=memory, fusion=fusion
    )
    scores = [passage.signals for passage in found.passages]
    assert found.passages[0].text == TEXTS[1]
    assert (found.is_answerable, found.answerable_from) == (True, TUNING.answerable_logit)
    assert found.keyword_weight == TUNING.keyword_weight
    assert scores[0].cosine is not None
    assert 0.5 < scores[0].cosine <= 1
    assert scores[0].keyword is not None
    assert scores[0].keyword > 0
    relevance = [score.relevance for score in scores if score.relevance is not None]
    assert relevance == sorted(relevance, reverse=True)
    assert len(relevance) == len(scores) == 3


async def test_a_question_off_the_topic_is_below_the_gate(
    knowledge: KnowledgeStore, bge: Embedder, reranker: Reranker, tmp_path: Path
) -> None:
    for text in TEXTS:
        await add(knowledge, text, embedder=bge)
    memory, fusion = MemorySource(knowledge, bge, tmp_path), Fusion(reranker)
    found = await find_in_documents(
        "Who won the football cup?", tenant_id="a", limit=3, tuning=TUNING, memory=memory, fusion=fusion
    )
    best = found.passages[0].signals.relevance
    assert best is not None
    assert found.answerable_from is not None
    assert found.is_answerable == (best >= found.answerable_from)
    assert found.is_answerable is False
