"""One case of a rule test, as ``promtool test rules`` reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vital_ops.durations import write_seconds
from vital_ops.promql import SCOPE, scoped
from vital_ops.rules.rule import write_yaml

__all__ = ["ENGINE", "Case", "Check", "Line", "Phase", "flat", "lines", "write_cases"]

Check = tuple[float, bool]
"""After so many minutes, whether the alert fires."""

Phase = tuple[float, float | None]
"""Minutes, and each minute's rise of a counter or the value of a gauge; None: there is no series."""


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
            samples = max(round(minutes / step), 1)
            if amount is None:
                pieces.append(f"stale _x{samples}")
                at = 0.0
                continue
            rise = amount * step
            if not self.rises:
                at, rise = amount, 0.0
            pieces.append(f"{at:.10g}+{rise:.10g}x{samples}")
            at += (samples + 1) * rise  # the next piece begins a step later
        return " ".join(pieces)

    @property
    def minutes(self) -> float:
        """How long it goes on."""
        return sum(minutes for minutes, _ in self.phases)


@dataclass(frozen=True, slots=True)
class Case:
    """Series that rise in straight lines, and when the alert fires."""

    name: str
    series: Mapping[str, Line]
    checks: Sequence[Check]
    engine: Line | None = None
    """Whether an engine is up; None: it is, all the time."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Labels of the alert that is looked for, beside its name."""
    every: float | None = None
    """Minutes between evaluations, where they differ from those of the alert's other cases."""


ENGINE: Final = f'up{{{SCOPE},instance="one:8000"}}'
"""What Prometheus itself says of the first engine."""


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
    file: str = "",
) -> dict[str, str]:
    """Write files of tests, by their names: one for each interval between evaluations.

    Whether an alert fires is asked of the series that Prometheus makes of it: what it says is not compared.

    :param selector: the labels of the engines, which all series have.
    :param rules: the rule files that it needs; each one makes the test slower.
    :param groups: the groups in them, in the order in which they are evaluated.
    :param step: minutes between samples, and between evaluations.
    :param file: the beginning of the files' names; empty: the alert's name.
    """
    by_interval: dict[float, list[Case]] = {}
    for case in cases:
        by_interval.setdefault(case.every or step, []).append(case)
    written = {}
    for every, some in by_interval.items():
        name = (file or alert) + ("" if every == step else f"-{write_seconds(every * 60)}")
        content = {
            "rule_files": [f"../{rule_file}" for rule_file in rules],
            "evaluation_interval": write_seconds(every * 60),
            "group_eval_order": list(groups),  # what is recorded is there when alerts ask for it
            "tests": [_test(alert, case, min(step, every), every, selector) for case in some],
        }
        written[f"{name}.yml"] = write_yaml(content, comment)
    return written


def _test(alert: str, case: Case, step: float, every: float, selector: str) -> dict[str, Any]:
    known = {"alertname": alert, "alertstate": "firing", **case.own}
    firing = f"count(ALERTS{{{', '.join(f'{name}={json.dumps(value)}' for name, value in known.items())}}})"
    longest = max(line.minutes for line in case.series.values())
    series = {ENGINE: case.engine or flat((longest + step, 1)), **case.series}
    return {
        "name": f"{alert}: {case.name}",
        "interval": write_seconds(step * 60),
        "input_series": [
            {"series": scoped(name, selector), "values": line.written(step)} for name, line in series.items()
        ],
        "promql_expr_test": [
            {
                "expr": firing,
                "eval_time": write_seconds(round(minute / every) * every * 60),
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
            for minute, fires in case.checks
        ],
    }
