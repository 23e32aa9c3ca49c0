"""Cache Performance: whether the cache spares work, and is large enough."""

from __future__ import annotations

from typing import Final

from vital_ops.dashboards.panel import INTERVAL, MODE, RANGE, WORKFLOW, Board, Limit, Panel, Query
from vital_ops.promql import (
    calculate,
    increase,
    mean,
    rate,
    ratio,
    recorded,
    sum_by,
)
from vital_ops.rules.recording import (
    EVICTIONS,
    HIT_RATIO,
    HIT_RATIO_BY_MODE,
    LOOKED_UP,
    hit_ratio,
    over_replicas,
)
from vital_ops.thresholds import Thresholds
from vital_ops.uids import CACHE
from vital_shared.monitoring.metrics import (
    CACHE_BYTES,
    CACHE_CAPACITY_ENTRIES,
    CACHE_ENTRIES,
    CACHE_ENTRY_LIFETIME_SECONDS,
    CACHE_OPERATIONS_TOTAL,
    CACHE_SAMPLED_AGE_SECONDS,
)

__all__ = ["cache"]

_operations: Final = CACHE_OPERATIONS_TOTAL


def cache(thresholds: Thresholds) -> Board:
    """Make it."""
    return Board(
        uid=CACHE,
        title="VITAL / Cache Performance",
        description="For backend engineers and the performance team: does the cache spare work?",
        refresh="30s",
        since="now-6h",
        panels=(*_use(thresholds), *_room(thresholds)),
    )


def _use(thresholds: Thresholds) -> tuple[Panel, ...]:
    tiers = {
        operation: sum_by(rate(_operations, INTERVAL, mode=MODE, operation=operation), "tier")
        for operation in LOOKED_UP
    }
    return (
        Panel(
            key="hit_rate",
            title="Cache hit rate over time",
            description="The share of cacheable requests that the cache answered, and that of each workflow.",
            kind="lines",
            queries=(
                Query(recorded(HIT_RATIO_BY_MODE, mode=MODE), "mode {{mode}}"),
                Query(recorded(HIT_RATIO), "all"),
                Query(hit_ratio(INTERVAL, "workflow", mode=MODE, workflow=WORKFLOW), "workflow {{workflow}}"),
            ),
            unit="percentunit",
            decimals=1,
            least=0,
            most=1,
            limit=Limit(thresholds["LowCacheHitRate"].value, "above"),
        ),
        Panel(
            key="operations",
            title="Cache operations breakdown",
            description="Operations of the tiers per second. A request may look into several tiers.",
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
            title="Cache size",
            description="Answers in each tier, the limit, and the number above which an alert fires.",
            kind="lines",
            queries=(
                Query(over_replicas(CACHE_ENTRIES), "{{tier}}"),
                Query(over_replicas(CACHE_CAPACITY_ENTRIES), "{{tier}}, limit"),
                Query(
                    calculate(
                        over_replicas(CACHE_CAPACITY_ENTRIES), "*", thresholds["CacheNearCapacity"].value
                    ),
                    "{{tier}}, alert",
                ),
            ),
            unit="short",
            decimals=0,
            least=0,
        ),
        Panel(
            key="memory",
            title="Cache memory usage",
            description="Memory used by the answers in each tier.",
            kind="lines",
            queries=(Query(over_replicas(CACHE_BYTES), "{{tier}}"),),
            unit="bytes",
            least=0,
        ),
        Panel(
            key="entry_age",
            title="Cache entry age histogram",
            description="Ages of the entries, hit or not, sampled every ten seconds.",
            kind="bars",
            queries=(Query(sum_by(increase(CACHE_SAMPLED_AGE_SECONDS, RANGE, "bucket"), "le"), "{{le}}"),),
            unit="short",
        ),
        Panel(
            key="hits_to_misses",
            title="Hit/miss ratio",
            description="Look-ups that hit, per look-up that missed, by tier.",
            kind="lines",
            queries=(Query(ratio(tiers["hit"], tiers["miss"]), "{{tier}}"),),
            unit="short",
        ),
    )


def _room(thresholds: Thresholds) -> tuple[Panel, ...]:
    return (
        Panel(
            key="evictions",
            title="Evictions rate",
            description="Answers evicted for lack of room, per second.",
            kind="lines",
            queries=(Query(recorded(EVICTIONS), "{{tier}}"),),
            unit="ops",
            least=0,
            limit=Limit(thresholds["HighCacheEvictionRate"].value, "below"),
        ),
        Panel(
            key="entry_lifetime",
            title="Average entry lifetime",
            description="Age of answers when they leave the cache, by the reason for leaving.",
            kind="lines",
            queries=(
                Query(mean(CACHE_ENTRY_LIFETIME_SECONDS, INTERVAL, "tier", "cause"), "{{tier}}, {{cause}}"),
            ),
            unit="s",
        ),
        Panel(
            key="by_mode",
            title="Per-mode cache stats",
            description="Look-ups and writes each second, and the share of requests that the cache answered.",
            kind="table",
            queries=(
                *(
                    Query(sum_by(rate(_operations, RANGE, mode=MODE, operation=operation), "mode"), heading)
                    for operation, heading in (
                        ("hit", "Hits a second"),
                        ("miss", "Misses a second"),
                        ("write", "Writes a second"),
                    )
                ),
                Query(hit_ratio(RANGE, "mode", mode=MODE), "Hit ratio", "percentunit"),
            ),
            unit="ops",
            rows=("mode",),
            decimals=2,
            width=12,
        ),
        Panel(
            key="invalidations",
            title="Invalidation events",
            description="Answers deleted because their documents or settings have changed.",
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
