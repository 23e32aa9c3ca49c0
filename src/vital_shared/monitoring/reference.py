"""Write the reference page of all metrics from their declarations: ``make docs``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from vital_shared.monitoring.instrument import Gauge, Histogram
from vital_shared.monitoring.labels import OTHER, BoundedLabel, DeclaredLabel, Label
from vital_shared.monitoring.metrics import CATALOGUE

__all__ = ["reference"]

INTRODUCTION: Final = """\
# Metrics

This page lists the metrics that `GET /metrics` returns, as Prometheus text or as OpenMetrics, as the client
prefers. `make docs` builds it from the declarations in `src/vital_shared/monitoring/metrics.py`.

Every request is counted once, when it ends; one that waits for an approval has not ended, and durations
exclude the wait. A request refused before it ran is `rejected`, and has no duration. So the outcomes add up
to all requests, and the durations' counts over `cache_status` to those that ran. Series of closed labels
exist from the start, at 0. In OpenMetrics, durations have exemplars: the `run_id` of such a run.

In addition, there are the metrics of prometheus_client about the process (`process_…`, among them
`process_start_time_seconds`), the garbage collector (`python_gc_…`) and the platform (`python_info`).
"""

MERGES: Final = {
    "sum": "the sum",
    "max": "the largest",
    "min": "the smallest",
    "one": "the same in all",
}


def reference() -> str:
    """Return the page, as Markdown."""
    sections = (INTRODUCTION, *_catalogue(), *_labels(), *_buckets(), *_merging())
    return "\n".join(sections)


def _catalogue() -> Iterator[str]:
    yield "## All metrics\n"
    rows = (
        (
            f"`{each.name}`",
            each.kind,
            ", ".join(label.name for label in each.label_set) or "none",
            each.help,
        )
        for each in CATALOGUE
    )
    yield from _table(("metric", "type", "labels", "meaning"), rows)


def _labels() -> Iterator[str]:
    yield "\n## Labels\n"
    used: dict[Label, list[str]] = {}
    for each in CATALOGUE:
        for label in each.label_set:
            used.setdefault(label, []).append(each.name)
    closed = [(label, names) for label, names in used.items() if not isinstance(label, BoundedLabel)]
    yield from _table(
        ("label", "values", "metrics"),
        ((label.name, _values(label), _codes(names)) for label, names in closed),
    )
    yield f"""
The other labels have at most `VITAL_METRIC_LABEL_VALUES` values (100); further ones are
counted under `{OTHER}`, and in `vital_metric_label_overflow_total`. The named values are chosen once for all
workers, and kept: tenants with keys or limits first, those that spend the most before others. The metric
`vital_metric_series_limit` is the maximum number of series. Exact figures of each tenant are in the
ledger, which has no such limit.
"""
    bounded = (
        (label.name, _codes(names)) for label, names in used.items() if isinstance(label, BoundedLabel)
    )
    yield from _table(("label", "metrics"), bounded)


def _values(label: Label) -> str:
    if isinstance(label, DeclaredLabel):
        return f"{_codes(label.known)}, and those that are served"
    return _codes(label.values)


def _buckets() -> Iterator[str]:
    yield "\n## Buckets\n"
    rows = (
        (f"`{each.name}`", ", ".join(f"{edge:g}" for edge in each.buckets))
        for each in CATALOGUE
        if isinstance(each, Histogram)
    )
    yield from _table(("histogram", "buckets (upper bounds)"), rows)


def _merging() -> Iterator[str]:
    yield "\n## Gauges of several workers\n"
    yield "Counters and histograms add up, including those of ended workers. Gauges merge as declared:\n"
    rows = (
        (f"`{each.name}`", MERGES[each.merge] + "".join(f"; {tier}: the same in all" for tier in each.shared))
        for each in CATALOGUE
        if isinstance(each, Gauge)
    )
    yield from _table(("gauge", "over all workers"), rows)
    yield ""


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (headings, ("---",) * len(headings), *rows):
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
