"""One case of a rule test, as ``promtool test rules`` reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vital_ops.durations import write_seconds
from vital_ops.promql import scoped
from vital_ops.rules.rule import write_yaml

__all__ = ["Case", "Check", "Line", "Phase", "flat", "lines", "write_cases"]

Check = tuple[float, bool]
"""After so many minutes, whether the alert fires."""

Phase = tuple[float, float]
"""For so many minutes, so much: each minute's rise of a counter, or the value of a gauge."""


@dataclass(frozen=True, slots=True)
class Line:
    """A series, one phase after the other."""

    phases: tuple[Phase, ...]
    rises: bool

    def written(self, step: float) -> str:
        """Write it in promtool's notation.

        :param step: minutes between samples.
        """
        pieces, at = [], 0.0
        for minutes, amount in self.phases:
            samples, rise = max(round(minutes / step), 1), amount * step
            if not self.rises:
                at, rise = amount, 0.0
            pieces.append(f"{at:.10g}+{rise:.10g}x{samples}")
            at += (samples + 1) * rise  # the next piece begins a step later
        return " ".join(pieces)


@dataclass(frozen=True, slots=True)
class Case:
    """Series that rise in straight lines, and when the alert fires."""

    name: str
    series: Mapping[str, Line]
    checks: Sequence[Check]


def lines(*phases: Phase) -> Line:
    """Make a counter."""
    return Line(phases, rises=True)


def flat(*phases: Phase) -> Line:
    """Make a gauge."""
    return Line(phases, rises=False)


def write_cases(
    alert: str,
    cases: Iterable[Case],
    comment: str,
    *,
    selector: str,
    rules: Sequence[str],
    groups: Sequence[str],
    step: float = 1,
) -> str:
    """Write a file of tests.

    Whether an alert fires is asked of the series that Prometheus makes of it: what it says is not compared.

    :param selector: the labels of the engines, which all series have.
    :param rules: the rule files that it needs; each one makes the test slower.
    :param groups: the groups in them, in the order in which they are evaluated.
    :param step: minutes between samples, and between evaluations.
    """
    content = {
        "rule_files": [f"../{name}" for name in rules],
        "evaluation_interval": write_seconds(step * 60),
        "group_eval_order": list(groups),  # what is recorded is there when alerts ask for it
        "tests": [_test(alert, case, step, selector) for case in cases],
    }
    return write_yaml(content, comment)


def _test(alert: str, case: Case, step: float, selector: str) -> dict[str, Any]:
    firing = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    return {
        "name": f"{alert}: {case.name}",
        "interval": write_seconds(step * 60),
        "input_series": [
            {"series": scoped(name, selector), "values": line.written(step)}
            for name, line in case.series.items()
        ],
        "promql_expr_test": [
            {
                "expr": firing,
                "eval_time": write_seconds(round(minute / step) * step * 60),
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
            for minute, fires in case.checks
        ],
    }
