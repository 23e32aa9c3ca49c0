"""The finished requests of a period, as the store has counted them: the same requests as the metrics'."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Double, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_engine.report.period import ReportPeriod
from vital_ops.definitions import ANSWERABLE, CACHED_MODES, DEGRADED, ENDED, FAILED, HIT, LOOKED_UP
from vital_ops.report.histogram import BucketCounts
from vital_shared.store.request_count_table import request_counts

__all__ = ["Moments", "RequestCount", "RequestStats", "request_stats"]

LABELS = ("mode", "outcome", "cache_status", "answerable", "le")
SUMS = ("requests", "seconds", "seconds_squared", "scored", "quality", "quality_squared")


@dataclass(frozen=True, slots=True)
class RequestCount:
    """Requests with the same labels."""

    mode: str
    outcome: str
    cache_status: str
    answerable: str
    le: str
    """Upper bound of their durations; empty where they have none."""

    requests: int
    seconds: float
    seconds_squared: float
    scored: int
    quality: float
    quality_squared: float


@dataclass(frozen=True, slots=True)
class Moments:
    """A number of values, their sum and the sum of their squares."""

    count: int
    total: float
    squares: float

    @property
    def mean(self) -> float | None:
        """The mean; None without values."""
        return self.total / self.count if self.count else None


@dataclass(frozen=True, slots=True)
class RequestStats:
    """The figures of a period's requests; each is defined by `vital_ops.definitions`."""

    counts: tuple[RequestCount, ...]

    @property
    def ended(self) -> int:
        """Requests that had an end of their own."""
        return self._requests(outcome=ENDED)

    @property
    def failed(self) -> int:
        """Requests without an answer."""
        return self._requests(outcome=FAILED)

    @property
    def answered(self) -> int:
        """Requests with an answer."""
        return self.ended - self.failed

    @property
    def degraded(self) -> int:
        """Degraded answers, less those that no document holds."""
        return self._requests(outcome=DEGRADED, answerable=ANSWERABLE)

    @property
    def hits(self) -> int:
        """Requests that the cache has answered."""
        return self._requests(mode=CACHED_MODES, cache_status=HIT)

    @property
    def looked_up(self) -> int:
        """Requests that the cache could have answered."""
        return self._requests(mode=CACHED_MODES, cache_status=LOOKED_UP)

    @property
    def durations(self) -> BucketCounts:
        """All durations, those of cancelled requests too, as in the metric."""
        found: dict[str, int] = {}
        for each in self.counts:
            if each.le:
                found[each.le] = found.get(each.le, 0) + each.requests
        return BucketCounts(found)

    @property
    def duration(self) -> Moments:
        """Durations in seconds."""
        timed = [each for each in self.counts if each.le]
        return Moments(
            sum(each.requests for each in timed),
            sum(each.seconds for each in timed),
            sum(each.seconds_squared for each in timed),
        )

    @property
    def quality(self) -> Moments:
        """Scores of answers."""
        scored = self._select(answerable=ANSWERABLE)
        return Moments(
            sum(each.scored for each in scored),
            sum(each.quality for each in scored),
            sum(each.quality_squared for each in scored),
        )

    def _requests(self, **labels: tuple[str, ...]) -> int:
        return sum(each.requests for each in self._select(**labels))

    def _select(self, **labels: tuple[str, ...]) -> list[RequestCount]:
        return [
            each
            for each in self.counts
            if all(getattr(each, name) in values for name, values in labels.items())
        ]


async def request_stats(
    connection: AsyncConnection, span: ReportPeriod, tenant_id: str | None
) -> RequestStats:
    """Read the counts of a period's whole minutes; the database adds them up."""
    columns = request_counts.c
    labels = [columns[name] for name in LABELS]
    # Postgres adds up whole numbers to a decimal.
    statement = (
        select(*labels, *(cast(func.sum(columns[name]), Double) for name in SUMS))
        .where(columns.minute >= span.start, columns.minute < span.end)
        .group_by(*labels)
    )
    if tenant_id is not None:
        statement = statement.where(columns.tenant_id == tenant_id)
    return RequestStats(tuple(_counts(await connection.execute(statement))))


def _counts(rows: Iterable[tuple[object, ...]]) -> Iterable[RequestCount]:
    for row in rows:
        values = dict(zip((*LABELS, *SUMS), row, strict=True))
        whole = {name: int(values[name]) for name in ("requests", "scored")}  # type: ignore[call-overload]
        yield RequestCount(**(values | whole))  # type: ignore[arg-type]
