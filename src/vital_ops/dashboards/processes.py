"""Processes of the engine: the event loop, memory, CPU, files and garbage collection."""

from __future__ import annotations

from vital_ops.dashboards.panel import INTERVAL, RANGE, Panel, Query
from vital_ops.promql import (
    foreign,
    increase,
    min_by,
    quantile,
    rate,
    sum_by,
)
from vital_shared.monitoring.metrics import (
    EVENT_LOOP_LAG_SECONDS,
    METRIC_LABEL_OVERFLOW_TOTAL,
    METRIC_VALUES_IGNORED_TOTAL,
)

__all__ = ["processes"]


def processes() -> tuple[Panel, ...]:
    """Make the panels."""
    return (*_load(), *_limits())


def _load() -> tuple[Panel, ...]:
    return (
        Panel(
            key="event_loop_lag",
            title="Event-loop lag",
            description="Delay of timers. If it grows, something slow delays every request.",
            kind="lines",
            queries=tuple(
                Query(quantile(share, EVENT_LOOP_LAG_SECONDS, INTERVAL), f"P{share * 100:g}")
                for share in (0.5, 0.99)
            ),
            unit="s",
            least=0,
        ),
        Panel(
            key="memory",
            title="Memory",
            description="Resident memory of the engine, by instance. Steady growth is a leak.",
            kind="lines",
            queries=(Query(sum_by(foreign("process_resident_memory_bytes"), "instance"), "{{instance}}"),),
            unit="bytes",
            least=0,
        ),
        Panel(
            key="cpu",
            title="CPU",
            description="Processors in use, by instance: 1 is one fully busy processor.",
            kind="lines",
            queries=(
                Query(
                    sum_by(rate(foreign("process_cpu_seconds_total"), INTERVAL), "instance"), "{{instance}}"
                ),
            ),
            unit="short",
            decimals=2,
            least=0,
        ),
    )


def _limits() -> tuple[Panel, ...]:
    collected = rate(foreign("python_gc_collections_total"), INTERVAL)
    return (
        Panel(
            key="garbage_collections",
            title="Garbage collections",
            description="Collections each second, by generation; those of generation 2 are the slow ones.",
            kind="lines",
            queries=(Query(sum_by(collected, "generation"), "generation {{generation}}"),),
            unit="ops",
            least=0,
        ),
        Panel(
            key="open_files",
            title="Open files and connections",
            description="File descriptors in use, and the limit. At the limit, no connection is accepted.",
            kind="lines",
            queries=(
                Query(sum_by(foreign("process_open_fds"), "instance"), "{{instance}}, open"),
                Query(min_by(foreign("process_max_fds"), "instance"), "{{instance}}, limit"),
            ),
            unit="short",
            decimals=0,
            least=0,
        ),
        Panel(
            key="label_overflow",
            title="Label overflow",
            description="Events counted under other for want of room for a name, and values that a metric "
            "could not take. Figures per tenant or model are then incomplete; the ledger is not.",
            kind="lines",
            queries=(
                Query(sum_by(increase(METRIC_LABEL_OVERFLOW_TOTAL, RANGE), "label"), "{{label}}"),
                Query(sum_by(increase(METRIC_VALUES_IGNORED_TOTAL, RANGE)), "values ignored"),
            ),
            unit="short",
            decimals=0,
            least=0,
        ),
    )
