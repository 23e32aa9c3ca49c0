"""Finished requests, counted where the metrics count them: summed by minute, and written behind.

The metrics forget with the process, and Prometheus after some weeks; reports and baselines need counts that
stay, of answers from the cache too, which are no runs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection

from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import WORKFLOW_DURATION_SECONDS
from vital_shared.store.database import Database
from vital_shared.store.request_count_table import request_counts
from vital_shared.store.upsert import upsert
from vital_shared.store.write_behind import WriteBehind

__all__ = ["BUCKETS", "RequestCounts"]

logger = get_logger(__name__)

MAX_SUMS: Final = 100_000
"""Sums that wait for a store that is away."""

BUCKETS: Final = (*(format(edge, "g") for edge in WORKFLOW_DURATION_SECONDS.buckets), "+Inf")
"""Upper bounds of durations in seconds, in their order."""

NO_DURATION: Final = ""


class RequestKey(NamedTuple):
    """The columns that a count is kept by."""

    minute: datetime
    tenant_id: str
    mode: str
    outcome: str
    cache_status: str
    answerable: str
    le: str


@dataclass(slots=True)
class RequestSum:
    """The columns that are added up."""

    requests: int = 0
    seconds: float = 0.0
    seconds_squared: float = 0.0
    scored: int = 0
    quality: float = 0.0
    quality_squared: float = 0.0

    def merge(self, other: RequestSum) -> None:
        """Add another sum."""
        self.requests += other.requests
        self.seconds += other.seconds
        self.seconds_squared += other.seconds_squared
        self.scored += other.scored
        self.quality += other.quality
        self.quality_squared += other.quality_squared


class RequestCounts(WriteBehind[RequestKey, RequestSum]):
    """The counter of finished requests.

    :param now: the time, in UTC.
    """

    _locks = "~request_counts"  # after those of tenants

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(database, RequestSum, MAX_SUMS)
        self._now = now
        self._dialect = database.dialect

    def add(
        self,
        *,
        tenant_id: str,
        mode: str,
        outcome: str,
        cache_status: str = "",
        seconds: float | None = None,
        quality: float | None = None,
        answerable: str = "true",
    ) -> None:
        """Count one request, with the labels of its metrics.

        :param seconds: its duration; None: it was rejected.
        :param quality: the score of its answer; None: it has none.
        """
        le = (
            NO_DURATION
            if seconds is None
            else BUCKETS[bisect_left(WORKFLOW_DURATION_SECONDS.buckets, seconds)]
        )
        minute = self._now().replace(second=0, microsecond=0)
        kept = self._sum(RequestKey(minute, tenant_id, mode, outcome, cache_status, answerable, le))
        if kept is None:
            return
        kept.requests += 1
        if seconds is not None:
            kept.seconds += seconds
            kept.seconds_squared += seconds * seconds
        if quality is not None:
            kept.scored += 1
            kept.quality += quality
            kept.quality_squared += quality * quality

    def _write(self, connection: Connection, sums: Mapping[RequestKey, RequestSum]) -> None:
        columns = request_counts.c
        statement = upsert(request_counts, self._dialect)
        added = {name: columns[name] + statement.excluded[name] for name in RequestSum.__dataclass_fields__}
        statement = statement.on_conflict_do_update(index_elements=list(RequestKey._fields), set_=added)
        # In one order: two processes that lock the same rows in different orders would wait for each other.
        rows = [key._asdict() | asdict(sums[key]) for key in sorted(sums)]
        connection.execute(statement, rows)

    def _report_dropped(self, dropped: int) -> None:
        logger.error("request_counts_not_kept", requests=dropped)

    def _report_lost(self, sums: Mapping[RequestKey, RequestSum]) -> None:
        logger.error("request_counts_not_written", requests=sum(each.requests for each in sums.values()))
