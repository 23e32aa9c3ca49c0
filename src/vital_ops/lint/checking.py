"""Walk through a query: which labels its value has, and what is wrong on the way there."""

from __future__ import annotations

from typing import Final, TypeAlias

import promql_parser as promql

from vital_ops.lint.known import Known, Series

__all__ = ["Labels", "Walk"]

Labels: TypeAlias = frozenset[str] | None
"""The labels of a value; None: it is a single number."""

GROWTH: Final = frozenset({"increase", "irate", "rate"})
SEEN: Final = frozenset({"count_over_time", "min_over_time", "present_over_time"})
"""Functions of a window that see whether and where a counter began; `increase_from_birth` needs them."""

FILTERS: Final = frozenset({"bottomk", "topk"})
"""Aggregations that keep the labels of what they choose."""

SETS: Final = frozenset({"and", "or", "unless"})


class Walk:
    """One walk through one query.

    :param known: the names that may be used.
    """

    def __init__(self, known: Known) -> None:
        self.faults: list[str] = []
        self._known = known

    def labels(self, node: promql.Expr) -> Labels:  # noqa: PLR0911 - one for each kind of part
        """Return the labels of a part's value; what is wrong in it is noted."""
        match node:
            case promql.NumberLiteral() | promql.StringLiteral():
                return None
            case promql.ParenExpr() | promql.UnaryExpr():
                return self.labels(node.expr)
            case promql.VectorSelector():
                return self._selected(node)
            case promql.MatrixSelector():
                return self._selected(node.vector_selector)
            case promql.Call():
                return self._called(node)
            case promql.AggregateExpr():
                return self._added_up(node)
            case promql.BinaryExpr():
                return self._joined(node)
        self.faults.append(f"{type(node).__name__} is not checked: {node}")
        return frozenset()

    def _series(self, selector: promql.VectorSelector) -> Series | None:
        series = self._known.get(str(selector.name))
        if series is None:
            self.faults.append(f"unknown metric {selector.name}")
            return None
        for matcher in selector.matchers.matchers:
            if matcher.name not in series.labels:
                self.faults.append(f"{selector.name} has no label {matcher.name}")
        return series

    def _selected(self, selector: promql.VectorSelector) -> Labels:
        series = self._series(selector)
        if series is None:
            return frozenset()
        if series.grows:
            self.faults.append(f"{selector.name} is a counter: ask for its rate or increase")
        return series.labels

    def _called(self, call: promql.Call) -> Labels:
        name = call.func.name
        if name in GROWTH:
            return self._growth(name, call.args[0])
        if name == "histogram_quantile":
            return self._quantile(call.args[1])
        if name in ("scalar", "time"):
            return None
        if name == "vector" or (name == "absent" and not isinstance(call.args[0], promql.VectorSelector)):
            for argument in call.args:
                self.labels(argument)
            return frozenset()
        if name in SEEN and isinstance(call.args[0], promql.MatrixSelector):
            series = self._series(call.args[0].vector_selector)
            return frozenset() if series is None else series.labels
        return next((labels for arg in call.args if (labels := self.labels(arg)) is not None), None)

    def _growth(self, name: str, argument: promql.Expr) -> Labels:
        if not isinstance(argument, promql.MatrixSelector):
            self.faults.append(f"{name} of what is no window of a metric: {argument}")
            return frozenset()
        selector = argument.vector_selector
        series = self._series(selector)
        if series is None:
            return frozenset()
        if not series.grows:
            self.faults.append(f"{name} of {selector.name}, which does not only grow")
        return series.labels

    def _quantile(self, argument: promql.Expr) -> Labels:
        labels = self.labels(argument) or frozenset()
        is_sum = isinstance(argument, promql.AggregateExpr) and str(argument.op) == "sum"
        if not is_sum or "le" not in labels:
            self.faults.append(f"histogram_quantile needs sum by (le, …) of a rate: {argument}")
        return labels - {"le"}

    def _added_up(self, node: promql.AggregateExpr) -> Labels:
        inner = self.labels(node.expr) or frozenset()
        if str(node.op) in FILTERS:
            return inner
        if node.modifier is None:
            return frozenset()
        named = frozenset(node.modifier.labels)
        for label in sorted(named - inner):
            self.faults.append(
                f"there is no label {label} to group by, or none that is bounded, in {node.expr}"
            )
        return inner - named if node.modifier.type == promql.AggModifierType.Without else named

    def _joined(self, node: promql.BinaryExpr) -> Labels:
        left, right = self.labels(node.lhs), self._other_side(node)
        if left is None or right is None:
            return right if left is None else left
        matching = node.modifier.matching if node.modifier else None
        if matching is None:
            if left != right and str(node.op) != "or":
                self._differ(node, left, right)
            return left
        named = frozenset(matching.labels)
        if matching.type == promql.LabelModifierType.Include:
            for label in sorted(named - (left & right)):
                self.faults.append(f"on ({label}) where not both sides have it: {node}")
            assert node.modifier is not None  # noqa: S101 - it has the matching
            is_many = node.modifier.card == promql.VectorMatchCardinality.ManyToOne
            return left if str(node.op) in SETS or is_many else named
        if left - named != right - named:
            self._differ(node, left - named, right - named)
        return left - named

    def _other_side(self, node: promql.BinaryExpr) -> Labels:
        """Return the labels of the right side; of a set only those matter, and a counter may be one."""
        if str(node.op) == "unless" and isinstance(node.rhs, promql.VectorSelector):
            series = self._series(node.rhs)
            return frozenset() if series is None else series.labels
        return self.labels(node.rhs)

    def _differ(self, node: promql.BinaryExpr, left: frozenset[str], right: frozenset[str]) -> None:
        sides = " and ".join(f"({', '.join(sorted(side))})" for side in (left, right))
        self.faults.append(
            f"the sides of {node.op} have different labels, {sides}, and match nothing: {node}"
        )
