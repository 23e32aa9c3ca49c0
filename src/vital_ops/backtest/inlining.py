"""Write an alert's expression without recording rules: history may be older than they are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vital_ops.rules.rule import Recording

__all__ = ["inlined"]


def inlined(expr: str, recordings: Iterable[Recording]) -> str:
    """Put in place of what rules record the expressions that they record."""
    for rule in recordings:
        labels = ",".join(f'{name}="{value}"' for name, value in rule.labels.items())
        name = f"{rule.name}{{{labels}}}" if labels else rule.name
        # Only selectors can be looked at some time before, so it is their windows that move.
        for offset in re.findall(rf"{re.escape(name)} offset (\w+)", expr):
            before = rule.expr.replace("]", f"] offset {offset}")
            expr = expr.replace(f"{name} offset {offset}", f"({before})")
        # A range of what is recorded is one of the expression: a subquery.
        expr = re.sub(rf"{re.escape(name)}\[(\w+)\]", lambda found: f"({rule.expr})[{found[1]}:]", expr)  # noqa: B023
        parts = re.split(rf"{re.escape(name)}(?![\w:{{])", expr)
        expr = f"({rule.expr})".join(parts)
    return expr
