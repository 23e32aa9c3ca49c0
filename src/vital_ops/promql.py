"""Queries of Prometheus, built from the catalogue: a metric or a label that is not there is an error here.

Windows are texts as Prometheus writes them, ``5m``, or Grafana's ``$__rate_interval``. Every selector has a
place for further matchers, `SCOPE`, which `scoped` fills when a file is built: one Prometheus may scrape
other engines too.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from vital_shared.monitoring.instrument import Counter, Histogram, Instrument
from vital_shared.monitoring.labels import BoundedLabel, DeclaredLabel
from vital_shared.monitoring.metrics import METRIC_SERIES_LIMIT

__all__ = [
    "SCOPE",
    "Match",
    "and_on",
    "first_count",
    "increase",
    "increase_from_birth",
    "max_by",
    "mean",
    "quantile",
    "rate",
    "ratio",
    "scoped",
    "select",
    "sum_by",
]

SCOPE: Final = "$scope"
"""The place of the matchers that say which engines are meant."""

Match: TypeAlias = str | tuple[str, ...]
"""A condition on a label: a value, one of several, or (with ``$`` in it) the value of a Grafana variable."""


def select(metric: Instrument[Any], part: str = "", /, **matches: Match) -> str:
    """Select the series of a metric.

    :param part: the part of a histogram: ``bucket``, ``count`` or ``sum``.
    :param matches: conditions on its labels.
    :raises ValueError: when it has no such part, no such label, or no such value.
    """
    if (part in ("bucket", "count", "sum")) != isinstance(metric, Histogram):
        raise ValueError(f'{metric.name} is a {metric.kind}: it has no part "{part}".')
    name = f"{metric.name}_{part}" if part else metric.name
    matchers = [SCOPE, *(_matcher(metric, label, match) for label, match in matches.items())]
    return f"{name}{{{','.join(matchers)}}}"


def scoped(expression: str, matchers: str) -> str:
    """Restrict an expression to some engines.

    :param matchers: as Prometheus writes them, such as ``job="vital"``; empty: all engines.
    """
    if matchers:
        return expression.replace(SCOPE, matchers)
    return expression.replace(f"{{{SCOPE}}}", "").replace(f"{SCOPE},", "")


def rate(metric: Instrument[Any], window: str, part: str = "", /, **matches: Match) -> str:
    """Compute how much a counter, or a part of a histogram, grows each second."""
    return f"rate({_growing(metric, part, matches)}[{window}])"


def increase(metric: Instrument[Any], window: str, part: str = "", /, **matches: Match) -> str:
    """Compute how much it has grown in a window."""
    return f"increase({_growing(metric, part, matches)}[{window}])"


def increase_from_birth(counter: Counter, window: str, *labels: str, **matches: Match) -> str:
    """Add up how much counters have grown in a window, with what a new one had counted when first seen."""
    grown, first = increase(counter, window, **matches), first_count(counter, window, **matches)
    return sum_by(f"{grown} + {first} or {grown} or {first}", *labels)


def first_count(counter: Counter, window: str, **matches: Match) -> str:
    """Write what each new counter had counted when it was first seen, if that was in a window.

    Prometheus' own ``increase`` begins with the second sample of a series, and a new tenant's series is born
    with its first count. A series is new when it was not there before the window, while others of its engine
    were read without it; so one that Prometheus merely had not read yet is not taken for new.
    """
    series = select(counter, **matches)
    reads = f"count_over_time({METRIC_SERIES_LIMIT.name}{{{SCOPE}}}[{window}])"
    is_new = f"count_over_time({series}[{window}]) < on (job, instance) group_left () {reads}"
    return f"(min_over_time({series}[{window}]) unless {series} offset {window} and {is_new})"


def sum_by(expression: str, *labels: str) -> str:
    """Add up what has the same values of these labels; of all without any."""
    return f"sum by ({', '.join(labels)}) ({expression})" if labels else f"sum({expression})"


def max_by(expression: str, *labels: str) -> str:
    """Take the greatest of what has the same values of these labels: for what all replicas show alike."""
    return f"max by ({', '.join(labels)}) ({expression})"


def ratio(part: str, whole: str) -> str:
    """Divide; both sides have the same labels. Where the whole is 0 there is no value, rather than 0/0."""
    return f"{part} / ({whole} > 0)"


def mean(metric: Histogram, window: str, *labels: str, **matches: Match) -> str:
    """Average what a histogram observed in a window."""
    return ratio(
        sum_by(rate(metric, window, "sum", **matches), *labels),
        sum_by(rate(metric, window, "count", **matches), *labels),
    )


def quantile(share: float, metric: Histogram, window: str, *labels: str, **matches: Match) -> str:
    """Estimate a quantile from a histogram's buckets."""
    return f"histogram_quantile({share}, {sum_by(rate(metric, window, 'bucket', **matches), 'le', *labels)})"


def and_on(condition: str, *others: str) -> str:
    """Join conditions that have no labels in common with each other."""
    return " and on () ".join((condition, *others))


def _growing(metric: Instrument[Any], part: str, matches: dict[str, Match]) -> str:
    if not isinstance(metric, (Counter, Histogram)):
        raise ValueError(f"{metric.name} is a {metric.kind}, which does not only grow.")  # noqa: TRY004 - one kind
    return select(metric, part, **matches)


def _matcher(metric: Instrument[Any], name: str, match: Match) -> str:
    labels = {label.name: label for label in metric.label_set}
    if name != "le" and name not in labels:
        raise ValueError(f"{metric.name} has no label {name}: it has {', '.join(labels) or 'none'}.")
    values = (match,) if isinstance(match, str) else match
    is_variable = any("$" in value for value in values)
    label = labels.get(name)
    if label is not None and not is_variable and not isinstance(label, (BoundedLabel, DeclaredLabel)):
        for value in values:
            if value not in label:
                raise ValueError(f'The label {name} of {metric.name} is never "{value}".')
    if len(values) == 1 and not is_variable:
        return f'{name}="{values[0]}"'
    return f'{name}=~"{"|".join(values)}"'
