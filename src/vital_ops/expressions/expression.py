"""An expression: its text, as Prometheus reads it, and its value over the engine's own samples.

The text is what stands in files. Put into another text by other means than the functions of
`vital_ops.promql`, it becomes a text that only Prometheus can evaluate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self, TypeAlias

from vital_ops.expressions.evaluation import Evaluation
from vital_ops.expressions.vector import Labels, Matrix, Vector
from vital_ops.expressions.windows import WindowFunction, instant
from vital_shared.errors import VitalError

__all__ = [
    "NotEvaluable",
    "QueryExpression",
    "Recorded",
    "Selector",
    "in_window",
    "made",
    "part",
    "recorded",
    "selected",
]

Evaluate: TypeAlias = Callable[[Evaluation], Vector]


class NotEvaluable(VitalError):
    """The expression has a part that only Prometheus can evaluate."""


@dataclass(frozen=True, slots=True)
class Selector:
    """The series that an expression reads."""

    name: str
    """The samples' name: a histogram has three."""
    matches: Mapping[str, tuple[str, ...]]
    """Conditions on labels: one of some values each; ``$mode`` stands for what is chosen."""


class QueryExpression(str):
    """A query.

    :param text: as Prometheus reads it.
    :param evaluate: evaluates it over samples.
    :param selectors: all that it reads.
    :param samples: its own samples, where it selects series; None: it is evaluated at each time of a scrape.
    """

    __slots__ = ("_evaluate", "_samples", "is_evaluable", "selectors")

    _evaluate: Evaluate
    _samples: Callable[[Evaluation], Matrix] | None
    is_evaluable: bool
    """Whether it can be evaluated without Prometheus."""
    selectors: tuple[Selector, ...]
    """The series that it reads."""

    def __new__(
        cls,
        text: str,
        evaluate: Evaluate,
        selectors: tuple[Selector, ...] = (),
        samples: Callable[[Evaluation], Matrix] | None = None,
        *,
        is_evaluable: bool = True,
    ) -> Self:
        """Make one."""
        new = super().__new__(cls, text)
        new._evaluate, new._samples = evaluate, samples
        new.selectors, new.is_evaluable = selectors, is_evaluable
        return new

    def evaluate(self, evaluation: Evaluation) -> Vector:
        """Return its values at the evaluation's times.

        :raises NotEvaluable: when only Prometheus can.
        """
        if not self.is_evaluable:
            raise NotEvaluable(f"Only Prometheus can evaluate this: {self}")
        return self._evaluate(evaluation)

    def samples(self, evaluation: Evaluation) -> Matrix:
        """Return what windows over it hold."""
        if self._samples is not None:
            return self._samples(evaluation)
        every = evaluation.samples.times
        vector = self.evaluate(evaluation.at(every))
        return Matrix(every, vector.labels, vector.values, vector.present)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One rule's part of a recorded series."""

    expression: QueryExpression
    labels: Labels


def part(text: str) -> QueryExpression:
    """Return an expression; a plain text becomes one that only Prometheus can evaluate."""
    if isinstance(text, QueryExpression):
        return text
    return QueryExpression(text, lambda evaluation: Vector.empty(len(evaluation.times)), is_evaluable=False)


def made(text: str, evaluate: Evaluate, *parts: QueryExpression) -> QueryExpression:
    """Make an expression of others, each of which it reads."""
    selectors = tuple(selector for each in parts for selector in each.selectors)
    return QueryExpression(text, evaluate, selectors, is_evaluable=all(each.is_evaluable for each in parts))


def selected(text: str, selector: Selector) -> QueryExpression:
    """Make an expression that selects series."""

    def matrix(evaluation: Evaluation) -> Matrix:
        return evaluation.samples.select(selector.name, _chosen(selector.matches, evaluation))

    def evaluate(evaluation: Evaluation) -> Vector:
        return instant(matrix(evaluation), evaluation.times)

    return QueryExpression(text, evaluate, (selector,), matrix)


def recorded(text: str, selector: Selector) -> QueryExpression:
    """Make an expression that reads a recorded series."""

    def evaluate(evaluation: Evaluation) -> Vector:
        wanted = _chosen(selector.matches, evaluation)
        rows = []
        for rule in evaluation.recordings[selector.name]:
            vector = rule.expression.evaluate(evaluation)
            for row, labels in enumerate(vector.labels):
                whole = {**labels, **rule.labels}
                if all(whole.get(name, "") in values for name, values in wanted.items()):
                    rows.append((whole, vector.values[row], vector.present[row]))
        return Vector.of_rows(rows, len(evaluation.times))

    return QueryExpression(text, evaluate, (selector,))


def _chosen(matches: Mapping[str, tuple[str, ...]], evaluation: Evaluation) -> dict[str, frozenset[str]]:
    """Fill in variables; one for which nothing is chosen leaves its label free."""
    found = {}
    for label, values in matches.items():
        variable = values[0].removeprefix("$")
        if not values[0].startswith("$"):
            found[label] = frozenset(values)
        elif variable in evaluation.chosen:
            found[label] = evaluation.chosen[variable]
    return found


def in_window(
    text: str, function: WindowFunction, expression: QueryExpression, window: str
) -> QueryExpression:
    """Make an expression that applies a function to a window of another."""

    def evaluate(evaluation: Evaluation) -> Vector:
        return function(expression.samples(evaluation), evaluation.times, evaluation.length_ms(window))

    return made(text, evaluate, expression)
