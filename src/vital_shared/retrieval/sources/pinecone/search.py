"""Searches: one query for the tenant's namespace and one for the shared one, at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vital_shared.errors import SourceError
from vital_shared.logs import get_logger
from vital_shared.models.citation import Passage
from vital_shared.models.retrieval_tuning import SHIPPED_TUNING, RetrievalTuning
from vital_shared.models.search_use import PassageFlaw
from vital_shared.monitoring.metrics import RAG_DROPPED_PASSAGES_TOTAL
from vital_shared.retrieval.hybrid import CANDIDATES
from vital_shared.retrieval.passage_text import passage_text
from vital_shared.retrieval.search_usage import UsageKind
from vital_shared.retrieval.sources.pinecone.client import (
    SEARCH_RETRY_SECONDS,
    SEARCH_SECONDS,
    SOURCE_NAME,
    PaidRequest,
    PineconeClient,
)
from vital_shared.retrieval.sources.pinecone.hosted import MAX_RERANKED_PASSAGES, HostedReranker
from vital_shared.retrieval.sources.pinecone.indexes import IndexRecord
from vital_shared.retrieval.sources.pinecone.keywords import READABLE_VERSIONS, question_keywords
from vital_shared.retrieval.sources.pinecone.namespaces import namespace_of
from vital_shared.retrieval.sources.pinecone.records import passage_of

__all__ = ["PineconeSearch", "QueryEmbedder"]

logger = get_logger(__name__)

RERANK_SECONDS: Final = 2.5


class QueryEmbedder(Protocol):
    """A model that makes the vectors of questions."""

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, normalised."""
        ...


class PineconeSearch:
    """A search in one index of ours.

    :param read_units: the charge for the units of queries.
    :param reranker: None: the order is Pinecone's.
    """

    def __init__(
        self, client: PineconeClient, read_units: UsageKind, reranker: HostedReranker | None
    ) -> None:
        self._client = client
        self._read_units = read_units
        self._reranker = reranker
        self._usual_units = 1
        """Read units of the last query."""

    async def find(
        self,
        index: IndexRecord,
        embedder: QueryEmbedder | None,
        tuning: RetrievalTuning,
        query: str,
        *,
        tenant_id: str,
        limit: int,
    ) -> tuple[Passage, ...]:
        """Return at most `limit` passages of the tenant and of all, best first, with scores from 0 to 1.

        :param embedder: made the index; None: no model is installed, and words alone find.
        :param tuning: gives the words their weight beside the meaning.
        :raises SourceError: when Pinecone does not answer.
        """
        weight = SHIPPED_TUNING.keyword_weight if embedder is None else tuning.keyword_weight
        keywords = question_keywords(query, weight)
        by_words = bool(keywords.indices) and index.keywords in READABLE_VERSIONS
        if embedder is None and not by_words:
            return ()
        body: dict[str, Any] = {
            "topK": max(limit, CANDIDATES),
            "includeMetadata": True,
            "vector": np.zeros(index.dimension) if embedder is None else await embedder.embed_query(query),
        }
        if by_words:
            body["sparseVector"] = keywords.as_json()
        found = sorted(
            await self._found(body, index.id, tenant_id), key=lambda passage: (-passage.score, passage.id)
        )
        if self._reranker is not None and found:
            found = await self._reranked(self._reranker, query, found)
        return _scaled(found)[:limit]

    async def _found(self, body: dict[str, Any], index_id: str, tenant_id: str) -> list[Passage]:
        """Ask both namespaces; where one fails the other is awaited, since it states what it has cost."""
        answers = await asyncio.gather(
            *(self._matches(body, index_id, owner) for owner in (tenant_id, None)), return_exceptions=True
        )
        found: list[Passage] = []
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            found += answer
        return found

    async def _matches(self, body: dict[str, Any], index_id: str, tenant_id: str | None) -> list[Passage]:
        reply = await self._client.post(
            "/query",
            body | {"namespace": namespace_of(index_id, tenant_id)},
            seconds=SEARCH_SECONDS,
            retry_seconds=SEARCH_RETRY_SECONDS,
            paid=PaidRequest(self._read_units, self._usual_units, _stated_units),
        )
        units = _stated_units(reply.body)
        if isinstance(units, int) and 0 < units <= self._read_units.max_units:
            self._usual_units = units
        matches = reply.body.get("matches", [])
        if not isinstance(matches, list):
            raise SourceError("Pinecone answered a query without a list of matches.")
        return _usable(matches, tenant_id)

    @staticmethod
    async def _reranked(reranker: HostedReranker, query: str, found: Sequence[Passage]) -> list[Passage]:
        """Order by the hosted model; where it does not answer, the order stays."""
        some = found[:MAX_RERANKED_PASSAGES]
        texts = [passage_text(each.title, each.section, each.text) for each in some]
        try:
            scores = await reranker.scores(query, texts, seconds=RERANK_SECONDS)
        except SourceError as error:
            logger.warning("pinecone_not_reranked", error=error.for_operators)
            return list(found)
        scored = [each.model_copy(update={"score": score}) for each, score in zip(some, scores, strict=True)]
        return sorted(scored, key=lambda passage: -passage.score)


def _stated_units(body: Mapping[str, Any]) -> object:
    """Return the read units that an answer states; the reference has them in both spellings."""
    usage = body.get("usage")
    return usage.get("readUnits", usage.get("read_units")) if isinstance(usage, dict) else usage


def _usable(matches: Sequence[object], tenant_id: str | None) -> list[Passage]:
    found: list[Passage] = []
    flaws: Counter[PassageFlaw] = Counter()
    for match in matches:
        passage = passage_of(match, tenant_id)
        if isinstance(passage, Passage):
            found.append(passage)
        else:
            flaws[passage] += 1
    for flaw, count in flaws.items():
        RAG_DROPPED_PASSAGES_TOTAL.labels(SOURCE_NAME, flaw).inc(count)
        logger.warning("pinecone_passages_dropped", flaw=flaw, count=count)
    return found


def _scaled(found: Sequence[Passage]) -> tuple[Passage, ...]:
    """Scale the scores to the range of the candidates, as those of the embedded index are."""
    if not found:
        return ()
    low, high = min(each.score for each in found), max(each.score for each in found)
    span = high - low
    return tuple(
        each.model_copy(update={"score": (each.score - low) / span if span > 0 else 1.0}) for each in found
    )
