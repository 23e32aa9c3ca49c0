"""Write an alert's expression without recording rules: history may be older than they are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from vital_ops.promql import SCOPE
from vital_ops.rules.rule import Recording
from vital_shared.monitoring.metrics import CATALOGUE

__all__ = ["inlined"]

_METRICS: Final = {metric.name: metric for metric in CATALOGUE}


def inlined(expr: str, recordings: Iterable[Recording]) -> str:
    """Put in place of what rules record the expressions that they record.

    :param recordings: in the order in which they read each other.
    """
    for rule in reversed([*recordings]):
        expr = _without(rule, expr)
    return expr


def _without(rule: Recording, expr: str) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in rule.labels.items())
    name = f"{rule.name}{{{labels}}}" if labels else rule.name
    # Only selectors can be looked at some time before, so it is their windows that move.
    for offset in re.findall(rf"{re.escape(name)} offset (\w+)", expr):
        before = rule.expr.replace("]", f"] offset {offset}")
        expr = expr.replace(f"{name} offset {offset}", f"({before})")
    # A range of what is recorded is one of the expression: a subquery.
    expr = re.sub(rf"{re.escape(name)}\[(\w+)\]", lambda found: f"({rule.expr})[{found[1]}:]", expr)
    expr = f"({rule.expr})".join(re.split(rf"{re.escape(name)}(?![\w:{{])", expr))
    if rule.labels:
        return expr
    selected = rf"{re.escape(name)}\{{([^}}]+)\}}"
    return re.sub(selected, lambda found: f"({_restricted(rule.expr, found[1])})", expr)


def _restricted(expr: str, matchers: str) -> str:
    """Restrict the series of an expression that have the labels: what is recorded keeps these."""
    wanted = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", matchers))

    def restrict(found: re.Match[str]) -> str:
        metric = _METRICS.get(found[1])
        has_labels = metric is not None and wanted <= {label.name for label in metric.label_set}
        return f"{found[0]},{matchers}" if has_labels else found[0]

    return re.sub(rf"(\w+)\{{{re.escape(SCOPE)}", restrict, expr)
