"""Statistics of an index of Pinecone's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from vital_shared.errors import SourceError
from vital_shared.retrieval.sources.pinecone.client import PineconeClient
from vital_shared.retrieval.sources.pinecone.namespaces import index_of

__all__ = ["PineconeStats", "read_stats"]

METRIC: Final = "dotproduct"
"""The only one that takes sparse values; of normalised vectors it is the cosine."""

LOOK_TIMEOUT_SECONDS: Final = 5.0


class PineconeStats(NamedTuple):
    """The state of an index of Pinecone's."""

    dimension: int
    counts: Mapping[str, int]
    """Records by namespace."""

    def passages(self, index_id: str) -> int:
        """Return the passages of an index of ours."""
        counts: Counter[str | None] = Counter()
        for namespace, count in self.counts.items():
            counts[index_of(namespace)] += count
        return counts[index_id]


async def read_stats(client: PineconeClient) -> PineconeStats:
    """Ask for the state.

    :raises SourceError: when Pinecone does not answer, or the index cannot be used.
    """
    body = (await client.post("/describe_index_stats", {}, seconds=LOOK_TIMEOUT_SECONDS)).body
    dimension, metric = body.get("dimension"), body.get("metric", METRIC)
    if not isinstance(dimension, int) or dimension < 1 or metric != METRIC:
        raise SourceError(
            f"The index at VITAL_PINECONE_HOST has the metric {metric} and the dimension {dimension}: make "
            f"one of dense vectors with the metric {METRIC}."
        )
    return PineconeStats(dimension, _counts(body.get("namespaces")))


def _counts(namespaces: Any) -> dict[str, int]:
    counts = {}
    for name, summary in namespaces.items() if isinstance(namespaces, dict) else ():
        count = summary.get("vectorCount") if isinstance(summary, dict) else None
        counts[str(name)] = count if isinstance(count, int) else 0
    return counts
