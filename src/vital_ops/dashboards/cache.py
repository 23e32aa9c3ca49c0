"""Cache Performance: whether the cache spares work, and is large enough."""

from __future__ import annotations

from vital_ops.config import Thresholds
from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, Board, Limit, Panel, Query
from vital_ops.promql import increase, mean, rate, ratio, select, sum_by
from vital_ops.rules.recording import LOOKED_UP
from vital_ops.uids import CACHE
from vital_shared.monitoring.metrics import (
    CACHE_BYTES,
    CACHE_CAPACITY_ENTRIES,
    CACHE_ENTRIES,
    CACHE_ENTRY_AGE_SECONDS,
    CACHE_ENTRY_LIFETIME_SECONDS,
    CACHE_OPERATIONS_TOTAL,
    WORKFLOW_DURATION_SECONDS,
)

__all__ = ["cache"]

_operations, _asked = CACHE_OPERATIONS_TOTAL, WORKFLOW_DURATION_SECONDS


def cache(thresholds: Thresholds) -> Board:
    """Make it."""
    return Board(
        uid=CACHE,
        title="VITAL / Cache Performance",
        description="For backend engineers and the performance team: does the cache spare work?",
        refresh="30s",
        since="now-6h",
        panels=(*_use(thresholds), *_room(thresholds)),
        with_tenant=False,
    )


def _hit_rate(window: str, *labels: str) -> str:
    hits = rate(_asked, window, "count", mode=MODE, cache_status="hit")
    return ratio(
        sum_by(hits, *labels),
        sum_by(rate(_asked, window, "count", mode=MODE, cache_status=LOOKED_UP), *labels),
    )


def _use(thresholds: Thresholds) -> tuple[Panel, ...]:
    tiers = {
        operation: sum_by(rate(_operations, INTERVAL, mode=MODE, operation=operation), "tier")
        for operation in LOOKED_UP
    }
    return (
        Panel(
            key="hit_rate",
            title="Hit rate",
            description="Of the requests that the cache was asked for, those that it answered.",
            kind="lines",
            queries=(Query(_hit_rate(INTERVAL, "mode"), "mode {{mode}}"), Query(_hit_rate(INTERVAL), "all")),
            unit="percentunit",
            limit=Limit(thresholds["LowCacheHitRate"].value, "above"),
        ),
        Panel(
            key="operations",
            title="Operations",
            description="What the tiers do each second. A request may look into several of them.",
            kind="lines",
            queries=(
                Query(
                    sum_by(rate(_operations, INTERVAL, mode=MODE), "operation", "tier"),
                    "{{operation}}, {{tier}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            key="size",
            title="Size",
            description="Answers in each tier, and how many have room.",
            kind="lines",
            queries=(
                Query(sum_by(select(CACHE_ENTRIES), "tier"), "{{tier}}"),
                Query(sum_by(select(CACHE_CAPACITY_ENTRIES), "tier"), "{{tier}}, limit"),
            ),
            unit="short",
        ),
        Panel(
            key="memory",
            title="Memory",
            description="What the answers in each tier take.",
            kind="lines",
            queries=(Query(sum_by(select(CACHE_BYTES), "tier"), "{{tier}}"),),
            unit="bytes",
        ),
        Panel(
            key="entry_age",
            title="Age of entries when they are hit",
            description="Hits by the age of what was hit. Where most are old, a longer life would pay.",
            kind="bars",
            queries=(Query(sum_by(increase(CACHE_ENTRY_AGE_SECONDS, RANGE, "bucket"), "le"), "{{le}}"),),
            unit="short",
        ),
        Panel(
            key="hits_to_misses",
            title="Hits to misses",
            description="Look-ups that found something, for each that did not, by tier.",
            kind="lines",
            queries=(Query(ratio(tiers["hit"], tiers["miss"]), "{{tier}}"),),
            unit="short",
        ),
    )


def _room(thresholds: Thresholds) -> tuple[Panel, ...]:
    evicted = rate(_operations, INTERVAL, mode=MODE, operation="evict")
    return (
        Panel(
            key="evictions",
            title="Evictions",
            description="Answers driven out for want of room, each second.",
            kind="lines",
            queries=(Query(sum_by(evicted, "tier"), "{{tier}}"),),
            unit="ops",
            limit=Limit(thresholds["HighCacheEvictionRate"].value, "below"),
        ),
        Panel(
            key="entry_lifetime",
            title="Average lifetime of entries",
            description="How old answers are when they leave the cache, by why.",
            kind="lines",
            queries=(
                Query(mean(CACHE_ENTRY_LIFETIME_SECONDS, INTERVAL, "tier", "cause"), "{{tier}}, {{cause}}"),
            ),
            unit="s",
        ),
        Panel(
            key="by_mode",
            title="By mode",
            description="Look-ups and writes each second, and the share of requests that the cache answered.",
            kind="table",
            queries=(
                *(
                    Query(sum_by(rate(_operations, RANGE, mode=MODE, operation=operation), "mode"), heading)
                    for operation, heading in (("hit", "hits/s"), ("miss", "misses/s"), ("write", "writes/s"))
                ),
                Query(_hit_rate(RANGE, "mode"), "hit ratio"),
            ),
            unit="short",
            width=12,
        ),
        Panel(
            key="invalidations",
            title="Invalidations",
            description="Answers that were thrown away since what they were made from has changed.",
            kind="lines",
            queries=(
                Query(
                    sum_by(increase(_operations, INTERVAL, mode=MODE, operation="invalidate"), "tier"),
                    "{{tier}}",
                ),
            ),
            unit="short",
            width=12,
        ),
    )
