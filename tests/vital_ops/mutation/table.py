"""The page of all alerts and their scores, for the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.vital_ops.mutation.scoring import read_scores
from tests.vital_ops.rules_of_spec import NUMBERS, SAID

from vital_ops.rules.groups import EVERY_ALERT

__all__ = ["CONDITIONS", "table"]

CONDITIONS: Final = {alert.key: alert.fires_when for alert in EVERY_ALERT} | {
    "AvailabilityBurnsFast": "requests fail 14.4 times (1 h and 5 min) or 6 times (6 h and 30 min) as often as 99 % allows",
    "AvailabilityBurnsSlowly": "requests fail more often than 99 % allows",
    "FirstTokenBurnsFast": "first tokens take over 2 s 14.4 times (1 h and 5 min) or 6 times (6 h and 30 min) as often as 95 % allows",
    "FirstTokenBurnsSlowly": "first tokens take over 2 s more often than 95 % allows",
    "QualityBurnsFast": "quality is 0.7 or less 14.4 times (1 h and 5 min) or 6 times (6 h and 30 min) as often as 95 % allows",
    "QualityBurnsSlowly": "quality is 0.7 or less more often than 95 % allows",
    "Watchdog": "always",
}
"""In words, by the alerts' keys."""

HEAD: Final = """\
# Alerts and their tests

Built by `.venv/bin/python -m tests.vital_ops.mutation --table > docs/alerts.md` from the last run over the
mutants of each alert (`make mutation`, which `make test-all` includes; `make test` runs a sample). An alert on a share takes three minutes
of one core, one on an objective half an hour or more.

A mutant is an alert with one change. The first score covers changes of the conditions under which it fires: thresholds, comparisons,
windows, `for` and `keep_firing_for`, offsets, traffic floors, aggregations, groupings, functions, matchers, metrics, bounds (`clamp_min`, `clamp_max`), `bool`,
operands, their order and set operators, in its expression and in the recording rules that it reads. The second covers changes of
its text and destination: severity, team, receivers and other labels, annotations and the queries in them, its name
and its group. A change is detected when a rule test of the alert fails (`prometheus-rules/tests`), or when the rule
differs from the agreed table (`tests/vital_ops/rules_of_spec.py`).

A change is equivalent if it has the alert's value, and fires, at the same times as the alert in random series in each of which
the alert fires and resolves: up to 20, with engines that die, come back, restart or are alone, with series that
start late, and with stretches exactly at each limit. This is evidence, not proof. The first score includes equivalent changes; the
column after it excludes them. A survivor is a change that nothing detects and that is not shown to be equivalent.

Alertmanager's configuration is changed in the same way (`tests/vital_ops/test_routing_mutation.py`): its routes, their
matchers, groups, intervals and order, the integrations of each receiver, and added inhibitions. Each change gives some
alert a different notification than agreed, or (fewer than one in ten) changes no notification.
"""

PAIRS: Final = {"BurnsFast": "1 h and 5 min, 6 h and 30 min", "BurnsSlowly": "3 d and 6 h"}


def table() -> str:
    """Write the page."""
    scores = read_scores()
    head = "| alert | fires when | window | for | severity | destinations | when it fires | without equivalent | equivalent | survivors | text and destination |"
    rows = [_row(key, scores.get(key)) for key in SAID]
    rule = "| --- | --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"
    return "\n".join([HEAD, head, rule, *rows, "", *_unnoticed(scores)])


def _row(key: str, found: dict[str, Any] | None) -> str:
    said = SAID[key]
    window = next((text for suffix, text in PAIRS.items() if key.endswith(suffix)), "")
    return _cells(
        f"[{key}](runbooks/{said.name}.md)",
        CONDITIONS[key],
        window or str(NUMBERS.get(key, ("", "-"))[1]),
        said.hold or "at once",
        said.severity,
        ", ".join(said.receivers) or "the dead man's switch",
        *(_scored(found) if found else ("not run", "", "", "", "")),
    )


def _scored(found: dict[str, Any]) -> tuple[str, ...]:
    differing = found["fires"] - len(found["equivalent"])
    return (
        f"{found['noticed']} of {found['fires']} ({found['noticed'] / found['fires']:.1%})",
        f"{found['noticed'] / differing:.1%}",
        str(len(found["equivalent"])),
        str(len(found["survivors"])),
        f"{found['said']} of {found['says']}",
    )


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _unnoticed(scores: dict[str, dict[str, Any]]) -> Iterator[str]:
    """List what the tests of each alert do not notice."""
    yield "## What no test notices\n"
    yield "Each change, and after it whether it is equivalent or survives.\n"
    for key in SAID:
        found = scores.get(key)
        if found is None or not (found["equivalent"] or found["survivors"]):
            continue
        yield f"### {key}\n"
        for kind, word in (("survivors", "survives"), ("equivalent", "equivalent")):
            yield from (f"- {operator}: `` {what} `` - {word}" for operator, what in found[kind])
        yield ""
