"""One case of a rule test, as ``promtool test rules`` reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vital_ops.durations import write_seconds
from vital_ops.promql import SCOPE, scoped
from vital_ops.rules.rule import write_yaml

__all__ = [
    "ENGINE",
    "INSTANCES",
    "Case",
    "Check",
    "Phase",
    "SeriesPhases",
    "engine_of",
    "flat",
    "lines",
    "times",
    "write_cases",
]

Check = tuple[float, bool]
"""Minutes, and whether the alert fires after them."""

Phase = tuple[float, float | None]
"""Minutes, and each minute's rise of a counter or the value of a gauge; None: there is no series."""


@dataclass(frozen=True, slots=True)
class SeriesPhases:
    """A series, one phase after the other."""

    phases: tuple[Phase, ...]
    rises: bool
    goes_on: bool = False
    """Whether a counter rises where there are no samples too: scrapes have failed, and the engine is well."""

    def written(self, step: float) -> str:
        """Write it in promtool's notation.

        :param step: minutes between samples.
        """
        pieces, at, rise = [], 0.0, 0.0
        for minutes, amount in self.phases:
            samples = max(round(minutes / step), 1)
            if amount is None:
                pieces.append(f"stale _x{samples}")
                at = at + (samples + 1) * rise if self.goes_on else 0.0
                continue
            rise = amount * step
            if not self.rises:
                at, rise = amount, 0.0
            pieces.append(f"{at:.10g}+{rise:.10g}x{samples}")
            at += (samples + 1) * rise  # the next piece begins a step later
        return " ".join(pieces)

    def times(self, factor: float) -> SeriesPhases:
        """Multiply it."""
        phases = ((minutes, None if each is None else each * factor) for minutes, each in self.phases)
        return replace(self, phases=tuple(phases))

    @property
    def minutes(self) -> float:
        """The duration in minutes."""
        return sum(minutes for minutes, _ in self.phases)


@dataclass(frozen=True, slots=True)
class Case:
    """Series that rise in straight lines, and when the alert fires."""

    name: str
    series: Mapping[str, SeriesPhases]
    checks: Sequence[Check]
    engine: SeriesPhases | None = None
    """Whether an engine is up; None: it is, all the time."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Labels of the alert that is looked for, beside its name."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that the alert has of its series."""
    every: float | None = None
    """Minutes between evaluations, where they differ from those of the alert's other cases."""
    sampled: float | None = None
    """Minutes between samples, where they are more than those between evaluations."""
    is_recorded_late: bool = False
    """Rules record after alerts are evaluated, and not before."""
    is_alone: bool = False
    """Prometheus watches nothing but these series; otherwise engines elsewhere too."""
    unrecorded: Sequence[tuple[float, str]] = ()
    """Minutes at which a recorded series has no value."""
    values: Sequence[tuple[float, str, float]] = ()
    """Minutes at which a recorded series has a value, which an alert that fires alike would not show."""
    is_exact: bool = False
    """The alert is exactly at a limit: what is sampled is evaluated, and no noise may be added."""


INSTANCES: Final = {"one:8000": 0.75, "two:8000": 0.25}
"""Engines, and their shares of what is counted."""

ENGINE: Final = f'up{{{SCOPE},instance="one:8000"}}'
"""Prometheus' own series of the first engine."""


def lines(*phases: Phase) -> SeriesPhases:
    """Make a counter."""
    return SeriesPhases(phases, rises=True)


def flat(*phases: Phase) -> SeriesPhases:
    """Make a gauge."""
    return SeriesPhases(phases, rises=False)


def engine_of(phases: Sequence[Phase]) -> SeriesPhases:
    """Let the engine be up while there are series, and down while there are none."""
    return flat(*((minutes, 0 if amount is None else 1) for minutes, amount in phases))


def times(phases: Sequence[Phase], factor: float) -> list[Phase]:
    """Multiply what each phase has."""
    return [(minutes, None if amount is None else amount * factor) for minutes, amount in phases]


def write_cases(
    alert: str,
    cases: Iterable[Case],
    comment: str,
    *,
    selector: str,
    rules: Sequence[str],
    groups: Sequence[str],
    labels: Mapping[str, str],
    step: float = 1,
    file: str = "",
) -> dict[str, str]:
    """Write files of tests, by their names: one for each interval and order of evaluations.

    Whether an alert fires is asked of the series that Prometheus makes of it, with all its labels: its
    annotations are not compared. Other engines in the same Prometheus must not count, and all counters are
    spread over two engines unevenly.

    :param selector: the labels of the engines, which all series have.
    :param rules: the rule files that it needs; each one makes the test slower.
    :param groups: the groups in them, in the order in which they are evaluated.
    :param labels: the labels of its rule.
    :param step: minutes between samples, and between evaluations.
    :param file: the beginning of the files' names; empty: the alert's name.
    """
    by_file: dict[tuple[float, bool], list[Case]] = {}
    for case in cases:
        by_file.setdefault((case.every or step, case.is_recorded_late), []).append(case)
    written = {}
    for (every, is_late), some in by_file.items():
        pace = "" if every == step else f"-{write_seconds(every * 60)}"
        name = f"{file or alert}{pace}{'-late' if is_late else ''}"
        content = {
            "rule_files": [f"../{rule_file}" for rule_file in rules],
            "evaluation_interval": write_seconds(every * 60),
            "group_eval_order": list(reversed(groups) if is_late else groups),
            "tests": [_test(alert, case, labels, step, every, selector) for case in some],
        }
        written[f"{name}.yml"] = write_yaml(content, comment)
    return written


def _test(
    alert: str, case: Case, labels: Mapping[str, str], usual: float, every: float, selector: str
) -> dict[str, Any]:
    step = case.sampled or (every if case.is_exact else min(usual, every))
    known = {"alertname": alert, "alertstate": "firing"}
    longest = max(line.minutes for line in case.series.values())
    series = {ENGINE: case.engine or flat((longest + step, 1)), **case.series}
    elsewhere = {} if case.is_alone else _elsewhere(series, step, selector, longest)
    written = {**_spread(series, step, selector), **elsewhere}
    fired = _sample(known | dict(labels) | dict(case.own) | dict(case.labels))
    return {
        "name": f"{alert}: {case.name}",
        "interval": write_seconds(step * 60),
        "input_series": [{"series": name, "values": values} for name, values in written.items()],
        "promql_expr_test": [
            {
                "expr": f"ALERTS{_matchers(known | dict(case.own))}",
                "eval_time": write_seconds(round(minute / every) * every * 60),
                "exp_samples": [{"labels": fired, "value": 1}] if fires else [],
            }
            for minute, fires in case.checks
        ]
        + [
            {"expr": recorded, "eval_time": write_seconds(minute * 60), "exp_samples": []}
            for minute, recorded in case.unrecorded
        ]
        + [
            {
                "expr": f"sum({recorded})",
                "eval_time": write_seconds(minute * 60),
                "exp_samples": [{"labels": "{}", "value": value}],
            }
            for minute, recorded, value in case.values
        ],
    }


def _spread(series: Mapping[str, SeriesPhases], step: float, selector: str) -> dict[str, str]:
    """Divide counters between two engines."""
    found = {}
    for name, line in series.items():
        if SCOPE not in name or "instance=" in name or not line.rises:
            found[scoped(name, selector)] = line.written(step)
            continue
        for instance, share in INSTANCES.items():
            found[scoped(_on(name, instance), selector)] = line.times(share).written(step)
    return found


def _elsewhere(
    series: Mapping[str, SeriesPhases], step: float, selector: str, minutes: float
) -> dict[str, str]:
    """Let engines that are not watched do the opposite, ten times as much."""
    other = re.sub(r'"[^"]*"', '"elsewhere"', selector)
    names = [name for name in series if SCOPE in name and not name.startswith("up{")]
    counts = [
        (max(amount or 0 for _, amount in line.phases), line.rises) for line in map(series.__getitem__, names)
    ]
    found = {scoped(ENGINE, other): flat((minutes + step, 1)).written(step)}
    for name, (amount, rises) in zip(names, reversed(counts), strict=True):
        line = SeriesPhases(((minutes + step, 10 * amount),), rises)
        found[scoped(_on(name, "one:8000"), other)] = line.written(step)
    return found


def _on(series: str, instance: str) -> str:
    return series if "instance=" in series else series.replace("}", f',instance="{instance}"}}')


def _matchers(labels: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{name}={json.dumps(value)}' for name, value in labels.items())}}}"


def _sample(labels: Mapping[str, str]) -> str:
    return f"ALERTS{_matchers(labels)}"
