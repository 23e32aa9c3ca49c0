"""Queries of Prometheus, built from the catalogue: a metric or a label that is not there is an error here.

Windows are texts as Prometheus writes them, ``5m``, or Grafana's ``$__rate_interval``. Every selector has a
place for further matchers, `SCOPE`, which `scoped` fills when a file is built: one Prometheus may scrape
other engines too. What is built here is a text, and can also evaluate itself: see `vital_ops.expressions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from vital_ops.expressions import operators
from vital_ops.expressions.evaluation import Evaluation
from vital_ops.expressions.expression import QueryExpression, Selector, in_window, made, part, selected
from vital_ops.expressions.expression import recorded as recorded_series
from vital_ops.expressions.operators import Aggregation
from vital_ops.expressions.quantile import histogram_quantile
from vital_ops.expressions.vector import Vector
from vital_ops.expressions.windows import OVER_TIME, increases, rates
from vital_shared.monitoring.instrument import Counter, Histogram, Instrument
from vital_shared.monitoring.labels import BoundedLabel, DeclaredLabel
from vital_shared.monitoring.metrics import METRIC_SERIES_LIMIT

__all__ = [
    "SCOPE",
    "Match",
    "and_on",
    "calculate",
    "compare",
    "constant",
    "count_of",
    "first_count",
    "foreign",
    "in_brackets",
    "increase",
    "increase_from_birth",
    "label_added",
    "max_by",
    "mean",
    "min_by",
    "offset",
    "or_else",
    "over_time",
    "quantile",
    "rate",
    "ratio",
    "recorded",
    "scoped",
    "seconds_since",
    "select",
    "sum_by",
    "top",
    "undelivered",
    "write_number",
]

SCOPE: Final = "$scope"
"""The place of the matchers that say which engines are meant."""

Match: TypeAlias = str | tuple[str, ...]
"""A condition on a label: a value, one of several, or (with ``$`` in it) the value of a Grafana variable."""

Arithmetic: TypeAlias = Literal["+", "-", "*", "/"]
Comparison: TypeAlias = Literal[">", ">=", "<", "=="]


def select(metric: Instrument[Any], part_name: str = "", /, **matches: Match) -> QueryExpression:
    """Select the series of a metric.

    :param part_name: the part of a histogram: ``bucket``, ``count`` or ``sum``.
    :param matches: conditions on its labels.
    :raises ValueError: when it has no such part, no such label, or no such value.
    """
    if (part_name in ("bucket", "count", "sum")) != isinstance(metric, Histogram):
        raise ValueError(f'{metric.name} is a {metric.kind}: it has no part "{part_name}".')
    name = f"{metric.name}_{part_name}" if part_name else metric.name
    matchers = [SCOPE, *(_matcher(metric, label, match) for label, match in matches.items())]
    return selected(f"{name}{{{','.join(matchers)}}}", Selector(name, _values(matches)))


def foreign(name: str) -> QueryExpression:
    """Select the series of a metric that is not in the catalogue, such as ``process_open_fds``."""
    return selected(f"{name}{{{SCOPE}}}", Selector(name, {}))


def undelivered(window: str) -> QueryExpression:
    """Count the notifications that Alertmanager could not deliver in a window, webhooks left out.

    The engine is a webhook, and cannot take what says that it is down; Alertmanager goes on trying, and
    `EngineDown` pages. The other webhook is the dead man's switch, which notices by itself. The choice of
    engines does not apply to what Alertmanager counts.
    """
    name = "alertmanager_notifications_failed_total"
    return increase(selected(f'{name}{{integration!="webhook"}}', Selector(name, {})), window)


def recorded(name: str, /, **matches: Match) -> QueryExpression:
    """Select a recorded series; it is of all engines."""
    matchers = ",".join(_written(label, match) for label, match in matches.items())
    return recorded_series(f"{name}{{{matchers}}}" if matchers else name, Selector(name, _values(matches)))


def scoped(expression: str, matchers: str) -> str:
    """Restrict an expression to some engines.

    :param matchers: as Prometheus writes them, such as ``job="vital"``; empty: all engines.
    """
    if matchers:
        return expression.replace(SCOPE, matchers)
    return expression.replace(f"{{{SCOPE}}}", "").replace(f"{SCOPE},", "")


def rate(
    metric: Instrument[Any] | QueryExpression, window: str, part_name: str = "", /, **matches: Match
) -> QueryExpression:
    """Compute how much a counter, or a part of a histogram, grows each second."""
    series = _growing(metric, part_name, matches)
    return in_window(f"rate({series}[{window}])", rates, series, window)


def increase(
    metric: Instrument[Any] | QueryExpression, window: str, part_name: str = "", /, **matches: Match
) -> QueryExpression:
    """Compute how much it has grown in a window."""
    series = _growing(metric, part_name, matches)
    return in_window(f"increase({series}[{window}])", increases, series, window)


def over_time(
    how: Literal["avg", "count", "last", "max", "min"], expression: str, window: str
) -> QueryExpression:
    """Reduce the samples of a window to one value."""
    return in_window(f"{how}_over_time({expression}[{window}])", OVER_TIME[how], part(expression), window)


def offset(expression: QueryExpression, by: str) -> QueryExpression:
    """Look at an expression some time earlier: a selector, or a function of its window."""
    text = f"{expression[:-1]} offset {by})" if expression.endswith("])") else f"{expression} offset {by}"
    return made(text, lambda evaluation: expression.evaluate(evaluation.before(by)), expression)


def increase_from_birth(counter: Counter, window: str, *labels: str, **matches: Match) -> QueryExpression:
    """Add up how much counters have grown in a window, with what a new one had counted when first seen."""
    grown, first = increase(counter, window, **matches), first_count(counter, window, **matches)
    return sum_by(or_else(calculate(grown, "+", first), grown, first), *labels)


def first_count(counter: Counter, window: str, **matches: Match) -> QueryExpression:
    """Write what each new counter had counted when it was first seen, if that was in a window.

    Prometheus' own ``increase`` begins with the second sample of a series, and a new tenant's series is born
    with its first count. A series is new when it was not there before the window, while others of its engine
    were read without it; so one that Prometheus merely had not read yet is not taken for new.
    """
    series = select(counter, **matches)
    reads = over_time("count", select(METRIC_SERIES_LIMIT), window)
    counted, least = over_time("count", series, window), over_time("min", series, window)
    before, engine = offset(series, window), ("job", "instance")
    is_new = f"{counted} < on (job, instance) group_left () {reads}"

    def evaluate(evaluation: Evaluation) -> Vector:
        new = operators.combine("unless", least.evaluate(evaluation), before.evaluate(evaluation))
        younger = operators.compare("<", counted.evaluate(evaluation), reads.evaluate(evaluation), engine)
        return operators.combine("and", new, younger)

    return made(f"({least} unless {before} and {is_new})", evaluate, series, reads)


def sum_by(expression: str, *labels: str) -> QueryExpression:
    """Add up what has the same values of these labels; of all without any."""
    return _aggregated("sum", expression, labels)


def max_by(expression: str, *labels: str) -> QueryExpression:
    """Take the greatest of what has the same values of these labels: for what all replicas show alike."""
    return _aggregated("max", expression, labels)


def min_by(expression: str, *labels: str) -> QueryExpression:
    """Take the smallest of what has the same values of these labels."""
    return _aggregated("min", expression, labels)


def count_of(expression: str, *labels: str) -> QueryExpression:
    """Count what has the same values of these labels."""
    return _aggregated("count", expression, labels)


def _aggregated(how: Aggregation, expression: str, labels: tuple[str, ...]) -> QueryExpression:
    inner = part(expression)
    text = f"{how} by ({', '.join(labels)}) ({expression})" if labels else f"{how}({expression})"
    return made(text, lambda evaluation: operators.aggregate(how, inner.evaluate(evaluation), labels), inner)


def top(number: int, expression: str) -> QueryExpression:
    """Keep the greatest values."""
    inner = part(expression)
    return made(
        f"topk({number}, {expression})",
        lambda evaluation: operators.greatest(number, inner.evaluate(evaluation)),
        inner,
    )


def calculate(left: str | float, operator: Arithmetic, right: str | float) -> QueryExpression:
    """Calculate with two expressions of the same labels, or with one and a number."""
    one, other = _operand(left), _operand(right)
    return made(
        f"{_shown(left)} {operator} {_shown(right)}",
        lambda evaluation: operators.calculate(operator, _value(one, evaluation), _value(other, evaluation)),
        *_expressions(one, other),
    )


def compare(left: str, operator: Comparison, right: str | float) -> QueryExpression:
    """Keep the values of the left side that compare as they should."""
    one, other = part(left), _operand(right)
    return made(
        f"{left} {operator} {_shown(right)}",
        lambda evaluation: operators.compare(operator, one.evaluate(evaluation), _value(other, evaluation)),
        *_expressions(one, other),
    )


def in_brackets(expression: str) -> QueryExpression:
    """Put an expression in brackets."""
    inner = part(expression)
    return made(f"({expression})", inner.evaluate, inner)


def or_else(*expressions: str) -> QueryExpression:
    """Take what an expression has, and of the next ones what those before do not have."""
    first, *others = map(part, expressions)

    def evaluate(evaluation: Evaluation) -> Vector:
        found = first.evaluate(evaluation)
        for other in others:
            found = operators.combine("or", found, other.evaluate(evaluation))
        return found

    return made(" or ".join(expressions), evaluate, first, *others)


def and_on(condition: str, *others: str, labels: tuple[str, ...] = ()) -> QueryExpression:
    """Join conditions that have no labels in common with each other, or just some."""
    first, *more = map(part, (condition, *others))

    def evaluate(evaluation: Evaluation) -> Vector:
        found = first.evaluate(evaluation)
        for other in more:
            found = operators.combine("and", found, other.evaluate(evaluation), labels)
        return found

    return made(f" and on ({', '.join(labels)}) ".join((condition, *others)), evaluate, first, *more)


def constant(number: float) -> QueryExpression:
    """Write a number as a series without labels."""
    shown = _shown(number)

    def evaluate(evaluation: Evaluation) -> Vector:
        shape = (1, len(evaluation.times))
        return Vector([{}], np.full(shape, float(shown)), np.ones(shape, dtype=bool))

    return made(f"vector({shown})", evaluate)


def label_added(expression: str, label: str, value: str) -> QueryExpression:
    """Give a label to all series."""
    inner = part(expression)

    def evaluate(evaluation: Evaluation) -> Vector:
        found = inner.evaluate(evaluation)
        return Vector([{**each, label: value} for each in found.labels], found.values, found.present)

    return made(f'label_replace({expression}, "{label}", "{value}", "", "")', evaluate, inner)


def seconds_since(expression: str) -> QueryExpression:
    """Compute how long ago a time was."""
    inner = part(expression)

    def evaluate(evaluation: Evaluation) -> Vector:
        found = inner.evaluate(evaluation)
        return Vector(found.labels, evaluation.times / 1000 - found.values, found.present)

    return made(f"time() - {expression}", evaluate, inner)


def ratio(numerator: str, whole: str) -> QueryExpression:
    """Divide; both sides have the same labels. Where the whole is 0 there is no value, rather than 0/0."""
    return calculate(numerator, "/", in_brackets(compare(whole, ">", 0)))


def mean(metric: Histogram, window: str, *labels: str, **matches: Match) -> QueryExpression:
    """Average what a histogram observed in a window."""
    return ratio(
        sum_by(rate(metric, window, "sum", **matches), *labels),
        sum_by(rate(metric, window, "count", **matches), *labels),
    )


def quantile(share: float, metric: Histogram, window: str, *labels: str, **matches: Match) -> QueryExpression:
    """Estimate a quantile from a histogram's buckets."""
    buckets = sum_by(rate(metric, window, "bucket", **matches), "le", *labels)
    return made(
        f"histogram_quantile({share}, {buckets})",
        lambda evaluation: histogram_quantile(share, buckets.evaluate(evaluation)),
        buckets,
    )


def write_number(number: float) -> str:
    """Write a number with as many digits as it has, up to 15, which every float keeps."""
    return f"{number:.15g}"


def _operand(operand: str | float) -> QueryExpression | float:
    """Return an operand; a number is the one that the text has."""
    return part(operand) if isinstance(operand, str) else float(_shown(operand))


def _shown(operand: str | float) -> str:
    return operand if isinstance(operand, str) else write_number(operand)


def _value(operand: QueryExpression | float, evaluation: Evaluation) -> Vector | float:
    return operand.evaluate(evaluation) if isinstance(operand, QueryExpression) else operand


def _expressions(*operands: QueryExpression | float) -> Iterable[QueryExpression]:
    return (operand for operand in operands if isinstance(operand, QueryExpression))


def _growing(
    metric: Instrument[Any] | QueryExpression, part_name: str, matches: dict[str, Match]
) -> QueryExpression:
    if isinstance(metric, QueryExpression):
        return metric
    if not isinstance(metric, (Counter, Histogram)):
        raise ValueError(f"{metric.name} is a {metric.kind}, which does not only grow.")  # noqa: TRY004 - one kind
    return select(metric, part_name, **matches)


def _values(matches: dict[str, Match]) -> dict[str, tuple[str, ...]]:
    return {label: (match,) if isinstance(match, str) else match for label, match in matches.items()}


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
    return _written(name, match)


def _written(name: str, match: Match) -> str:
    values = (match,) if isinstance(match, str) else match
    if len(values) == 1 and "$" not in values[0]:
        return f'{name}="{values[0]}"'
    return f'{name}=~"{"|".join(values)}"'
