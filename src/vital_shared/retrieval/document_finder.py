"""A search of the documents that shows its reasons: the scores of each passage, by signal."""

from __future__ import annotations

from vital_shared.models.citation import Passage
from vital_shared.models.document_search import DocumentSearch, FoundPassage, PassageSignals
from vital_shared.models.retrieval_tuning import RetrievalTuning
from vital_shared.retrieval.fusion import CANDIDATES_PER_PASSAGE, Fusion
from vital_shared.retrieval.memory import MemorySource, ScoredPassage

__all__ = ["find_in_documents"]


async def find_in_documents(
    query: str, *, tenant_id: str, limit: int, tuning: RetrievalTuning, memory: MemorySource, fusion: Fusion
) -> DocumentSearch:
    """Search the embedded index as a run of the tenant does.

    Other sources are left out: theirs are no documents of this engine, and a search of them may cost money.

    :param limit: passages to return.
    :param tuning: the one in force for the tenant.
    :raises StoreError: when the store does not answer.
    :raises ConfigurationError: when a model cannot be loaded.
    """
    candidates = CANDIDATES_PER_PASSAGE * limit
    scored = await memory.search_scored(tuning, query, tenant_id=tenant_id, limit=candidates)
    found = {MemorySource.name: tuple(each.passage for each in scored)}
    retrieved = await fusion.merge_by(tuning, query, found, limit=limit)
    by_id = {each.passage.id: each for each in scored}
    is_reranked = retrieved.top_logit is not None
    return DocumentSearch(
        passages=tuple(
            _found(passage, by_id[passage.id], passage.score if is_reranked else None)
            for passage in retrieved.passages
        ),
        is_answerable=retrieved.answerable,
        answerable_from=tuning.answerable_logit if is_reranked else None,
        keyword_weight=tuning.keyword_weight,
    )


def _found(passage: Passage, scored: ScoredPassage, relevance: float | None) -> FoundPassage:
    return FoundPassage(
        document_id=passage.document_id,
        title=passage.title,
        uri=passage.uri,
        section=passage.section,
        text=passage.text,
        signals=PassageSignals(
            cosine=scored.cosine,
            keyword=scored.keyword,
            fused=scored.passage.score,
            relevance=relevance,
        ),
    )
