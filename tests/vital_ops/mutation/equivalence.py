"""Proof that a change is none: on random series it has the alert's value at every moment.

Only trials count in which the alert fires and ends again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml
from tests.vital_ops.mutation.mutants import Mutant, Rule, RuleSet
from tests.vital_ops.mutation.random_series import Pace, random_series
from tests.vital_ops.mutation.running import FAILED, Dumper, run_promtool

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.rules.rule_tests import rule_cases

__all__ = ["equivalents"]

DAY_MINUTES: Final = 1_440

PACE: Final = Pace(minutes=200, step=1, counted_every=1, shortest=3, longest=50)
LONG_PACE: Final = Pace(minutes=2 * DAY_MINUTES, step=4, counted_every=5, shortest=20, longest=600)
WEEK_PACE: Final = Pace(minutes=8 * DAY_MINUTES, step=10, counted_every=1, shortest=60, longest=DAY_MINUTES)

MOST_TRIALS: Final = 15
"""Trials that are made for each that counts, at most."""

ORIGINAL: Final = 0


def equivalents(rules: RuleSet, mutants: Mapping[int, Mutant], folder: Path) -> dict[int, Mutant]:
    """Return those that have the alert's value at every moment of all trials.

    :raises AssertionError: when too few trials count.
    """
    alike = {number + 1: mutant for number, mutant in mutants.items()}
    for pace, wanted in _trials(rules):
        counted = 0
        for seed in range(wanted * MOST_TRIALS):
            if counted == wanted or not alike:
                break
            chance = Random(f"{rules.key} {pace.minutes} {seed}")
            differ, counts = _trial(rules, alike, pace, chance, folder)
            counted += counts
            alike = {number: mutant for number, mutant in alike.items() if number not in differ}
        assert counted == wanted or not alike, f"{rules.key}: only {counted} trials count."
    return {number - 1: mutant for number, mutant in alike.items()}


def _trials(rules: RuleSet) -> Sequence[tuple[Pace, int]]:
    """Choose how long trials last, and how many have to count, by the longest window."""
    texts = [rules.alert["expr"], *(recording["expr"] for recording in rules.recordings)]
    if any("6d23h30m" in text or "offset 1w" in text for text in texts):
        return ((PACE, 4), (WEEK_PACE, 1))
    if any(window in text for text in texts[1:] for window in ("[1d]", "[3d]")):
        return ((LONG_PACE, 2),)
    if not rules.recordings:  # few moments have just one engine up, and these trials are cheap
        return ((PACE, 30),)
    return ((PACE, 4),)


def _trial(
    rules: RuleSet, mutants: Mapping[int, Mutant], pace: Pace, chance: Random, folder: Path
) -> tuple[set[int], bool]:
    """Return those that differ, and whether the trial counts."""
    itself = replace(next(iter(mutants.values())), rules=rules, recording=None)
    every = {ORIGINAL: itself, **mutants}
    (folder / "rules.yml").write_text(yaml.dump(_rule_file(rules, every), Dumper=Dumper))
    series = random_series(rule_cases(DEFAULT_CONFIG)[rules.key], pace, chance)
    (folder / "tests.yml").write_text(yaml.dump(_test_file(rules, every, series, pace), Dumper=Dumper))
    output = run_promtool(folder)
    failed = {int(number) for number in FAILED.findall(output)}
    return failed - {ORIGINAL}, ORIGINAL in failed


def _rule_file(rules: RuleSet, mutants: Mapping[int, Mutant]) -> dict[str, Any]:
    """Write the rules, and the value of each alert as a series."""
    recorded: list[Rule] = [*rules.recordings, *rules.beside]
    watched: list[Rule] = []
    for number, mutant in mutants.items():
        own, alert = mutant.named(number)
        recorded += own
        watched += [{"record": f"value__m{number}", "expr": alert["expr"]}, alert]
    groups = [{"name": "recorded", "rules": recorded}, {"name": "watched", "rules": watched}]
    return {"groups": [group for group in groups if group["rules"]]}


def _test_file(
    rules: RuleSet, mutants: Mapping[int, Mutant], series: Mapping[str, str], pace: Pace
) -> dict[str, Any]:
    span = f"[{pace.minutes}m:{pace.step}m]"
    firing = f'count(ALERTS{{alertname="{rules.name}__m{ORIGINAL}",alertstate="firing"}})'
    changed = f"changes((({firing} or vector(0)) > bool 0){span}) >= 2"
    checks = [changed, *(check for number in mutants if number for check in _differences(number, span))]
    return {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{pace.step}m",
        "group_eval_order": ["recorded", "watched"] if rules.recordings else ["watched"],
        "tests": [
            {
                "interval": f"{pace.step}m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {"expr": check, "eval_time": f"{pace.minutes - pace.step}m", "exp_samples": []}
                    for check in checks
                ],
            }
        ],
    }


def _differences(number: int, span: str) -> Iterator[str]:
    """Ask when a mutant has a value and the alert has none, or the other way, or another."""
    mine, its = f"value__m{number}", f"value__m{ORIGINAL}"
    apart = f"abs({mine} - {its}) > 1e-9 * abs({its})"
    yield f"count_over_time((({mine} unless {its}) or ({its} unless {mine}) or ({apart})){span})"
