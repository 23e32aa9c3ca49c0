"""Evidence that a change is none: on random series it has the alert's value, and fires, at the same moments.

Only trials count in which the alert fires and ends again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml
from tests.vital_ops.mutation.mutants import Mutant, Rule, RuleSet, bystander
from tests.vital_ops.mutation.random_series import Pace, random_series
from tests.vital_ops.mutation.running import FAILED, Dumper, run_promtool

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.rules.rule_tests import rule_cases

__all__ = ["PACE", "equivalents"]

DAY_MINUTES: Final = 1_440

PACE: Final = Pace(minutes=300, step=1, counted_every=1, shortest=3, longest=50)
HOURS_PACE: Final = Pace(minutes=DAY_MINUTES, step=2, counted_every=1, shortest=5, longest=420)
LONG_PACE: Final = Pace(minutes=2 * DAY_MINUTES, step=4, counted_every=5, shortest=20, longest=600)
DAYS_PACE: Final = Pace(minutes=8 * DAY_MINUTES, step=4, counted_every=5, shortest=60, longest=4_000)
WEEK_PACE: Final = Pace(minutes=8 * DAY_MINUTES, step=10, counted_every=1, shortest=60, longest=DAY_MINUTES)

TRIALS: Final = 20
"""Trials that count, where windows are short."""

MOST_TRIALS: Final = 15
"""Trials that are made for each that counts, at most."""

AT_ONCE: Final = 10
"""Trials in one run of promtool, at most."""

CHECKED_STEPS: Final = 300
"""Steps that one check looks back over: promtool has room for 10,000 samples in a query."""

ORIGINAL: Final = 0


def equivalents(rules: RuleSet, mutants: Mapping[int, Mutant], folder: Path) -> dict[int, Mutant]:
    """Return those that have the alert's value at every moment of all trials.

    :raises AssertionError: when too few trials count.
    """
    alike = {number + 1: mutant for number, mutant in mutants.items()}
    for pace, wanted in _trials(rules):
        counted, made = 0, 0
        while alike and counted < wanted and made < wanted * MOST_TRIALS:
            seeds = range(made, made + min(wanted, AT_ONCE))
            differ, counts = _try_out(rules, alike, pace, seeds, folder)
            counted, made = counted + counts, seeds.stop
            alike = {number: mutant for number, mutant in alike.items() if number not in differ}
        assert counted >= wanted or not alike, f"{rules.key}: only {counted} trials count."
    return {number - 1: mutant for number, mutant in alike.items()}


def _trials(rules: RuleSet) -> Sequence[tuple[Pace, int]]:
    """Choose how long trials last, and how many have to count, by the longest window."""
    texts = [rules.alert["expr"], *(recording["expr"] for recording in rules.recordings)]
    if any("6d23h30m" in text or "offset 1w" in text for text in texts):
        return ((PACE, TRIALS), (WEEK_PACE, 4))
    windows = {window for text in texts[1:] for window in re.findall(r"\[(\w+)\]", text)}
    if "3d" in windows:
        return ((HOURS_PACE, 4), (DAYS_PACE, 3))
    if "1d" in windows:
        return ((LONG_PACE, 6),)
    if "6h" in windows:
        return ((PACE, 8), (HOURS_PACE, 6))
    return ((PACE, TRIALS),)


def _try_out(
    rules: RuleSet, mutants: Mapping[int, Mutant], pace: Pace, seeds: Iterable[int], folder: Path
) -> tuple[set[int], int]:
    """Return those that differ in some trial, and how many trials count."""
    itself = replace(next(iter(mutants.values())), rules=rules, recording=None)
    every = {ORIGINAL: itself, **mutants}
    (folder / "rules.yml").write_text(yaml.dump(_rule_file(rules, every), Dumper=Dumper))
    cases = rule_cases(DEFAULT_CONFIG)[rules.key]
    series = [random_series(cases, pace, Random(f"{rules.key} {pace.minutes} {seed}")) for seed in seeds]
    (folder / "tests.yml").write_text(yaml.dump(_test_file(rules, every, series, pace), Dumper=Dumper))
    output = run_promtool(folder)
    assert "err: " not in output, output[:2_000]  # what cannot be asked is no difference
    failed = [int(number) for number in FAILED.findall(output)]
    return {*failed} - {ORIGINAL}, failed.count(ORIGINAL)


def _rule_file(rules: RuleSet, mutants: Mapping[int, Mutant]) -> dict[str, Any]:
    """Write the rules, and the value of each alert as a series."""
    recorded: list[Rule] = [*rules.recordings, *rules.beside]
    watched = [bystander(rules)]
    for number, mutant in mutants.items():
        own, alert = mutant.named(number)
        recorded += own
        value = f"value__m{number}"
        watched += [{"record": value, "expr": alert["expr"]}, {**alert, "expr": value}]
        watched += mutant.namesakes(number)
    groups = [{"name": "recorded", "rules": recorded}, {"name": "watched", "rules": watched}]
    return {"groups": [group for group in groups if group["rules"]]}


def _test_file(
    rules: RuleSet, mutants: Mapping[int, Mutant], trials: Iterable[Mapping[str, str]], pace: Pace
) -> dict[str, Any]:
    last, part = pace.minutes - pace.step, CHECKED_STEPS * pace.step
    firing = f'count(ALERTS{{alertname="{rules.name}__m{ORIGINAL}",alertstate="firing"}})'
    changed = f"changes((({firing} or vector(0)) > bool 0)[{pace.minutes}m:{pace.step}m]) >= 2"
    checks = [
        (changed, last),
        *(
            (check, end)
            for end in range(last, 0, -part)
            for number in mutants
            if number
            for check in _differences(rules.name, number, f"[{part}m:{pace.step}m]")
        ),
    ]
    return {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{pace.step}m",
        "group_eval_order": ["recorded", "watched"] if rules.recordings else ["watched"],
        "tests": [
            {
                "interval": f"{pace.step}m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {"expr": check, "eval_time": f"{end}m", "exp_samples": []} for check, end in checks
                ],
            }
            for series in trials
        ],
    }


def _differences(name: str, number: int, span: str) -> Iterator[str]:
    """Ask when a mutant has a value and the alert has none, or the other way, or another, and for firing too."""
    mine, its = f"value__m{number}", f"value__m{ORIGINAL}"
    same = f"abs({mine} - {its}) <= 1e-9 * abs({its}) or ({mine} != {mine} and {its} != {its}) or {mine} == {its}"
    yield f"count_over_time(count(({mine} unless ({same})) or ({its} unless {mine})){span})"
    firing, fired = (
        f'ALERTS{{alertname="{name}__m{each}",alertstate="firing"}}' for each in (number, ORIGINAL)
    )
    both = "unless ignoring (alertname)"
    yield f"count_over_time(count(({firing} {both} {fired}) or ({fired} {both} {firing})){span})"
