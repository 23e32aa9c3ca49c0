"""Running the tests of an alert on many of its mutants at once.

Each mutant has a name of its own in one rule file, reads what it records itself, and is held to what the
checked-in tests expect of the alert. A mutant that fails a case is dead and not evaluated again.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml
from tests.vital_ops.mutation.mutants import Mutant, RuleSet, bystander

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.durations import parse_seconds as _seconds
from vital_ops.rules.rule_tests import rule_tests
from vital_ops.stack.programs import PROMTOOL, find_program

__all__ = ["FAILED", "PROMTOOL_PACE", "Dumper", "Loader", "cases_of", "run_promtool", "survivors"]

Numbered = dict[int, Mutant]

PROMTOOL_PACE: Final = {"GOMAXPROCS": "1", "GOGC": "800"}
"""Settings of Go's runtime: a third less time, and the other cores are left to others."""

PILOTS: Final = 12
"""Mutants by which the order of an alert's cases is chosen."""

MANY: Final = 400
"""Mutants for which an order is worth its time."""

FAILED: Final = re.compile(r'expr: "(?:[^"\\]|\\.)*?__m(\d+)')
BROKEN: Final = re.compile(r"rule: \S+?__m(\d+), time:")

Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Dumper: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


written_tests: Final = cache(lambda: rule_tests(DEFAULT_CONFIG))
"""The files of tests, by their names."""


def cases_of(key: str) -> list[dict[str, Any]]:
    """Return the files of tests of an alert with one case in each, the quickest first."""
    files = (
        yaml.load(text, Loader)
        for name, text in written_tests().items()
        if name.partition(".")[0].partition("-")[0] == key
    )
    cases = [{**file, "tests": [test]} for file in files for test in file["tests"]]
    return sorted(cases, key=_cost)


def _cost(case: dict[str, Any]) -> float:
    """Estimate how many evaluations a case takes."""
    (test,) = case["tests"]
    last = max(_seconds(check["eval_time"]) for check in test["promql_expr_test"])
    return last / _seconds(case["evaluation_interval"])


def survivors(rules: RuleSet, mutants: Mapping[int, Mutant], folder: Path) -> Numbered:
    """Return the mutants that pass all tests of their alert."""
    alive = dict(mutants)
    for case in _ordered(rules, alive, cases_of(rules.key), folder):
        alive = _surviving(rules, alive, case, folder)
    return alive


Case = dict[str, Any]


def _ordered(rules: RuleSet, mutants: Numbered, cases: list[Case], folder: Path) -> list[Case]:
    """Put those cases first that notice the most of a few mutants, for the time that they take."""
    if len(mutants) < MANY:
        return cases
    few = dict(Random(rules.key).sample(sorted(mutants.items()), PILOTS))
    passing = [_surviving(rules, few, case, folder).keys() for case in cases]
    alive, ordered, rest = set(few), list[Case](), [*range(len(cases))]
    while rest:
        best = max(rest, key=lambda number: (len(alive - passing[number]) + 0.1) / _cost(cases[number]))
        rest.remove(best)
        ordered.append(cases[best])
        alive &= passing[best]
    return ordered


def _surviving(rules: RuleSet, mutants: Numbered, case: Case, folder: Path) -> Numbered:
    """Return the mutants that pass one case."""
    alive, is_whole = dict(mutants), False
    while alive and not is_whole:
        dead, is_whole = _failing(rules, alive, case, folder)
        alive = {number: mutant for number, mutant in alive.items() if number not in dead}
    return alive


def _failing(rules: RuleSet, alive: Numbered, case: dict[str, Any], folder: Path) -> tuple[set[int], bool]:
    """Return those that fail, and whether all others were tested.

    An expression that cannot be evaluated ends promtool's test of all.
    """
    write_rule_file(folder, rules, alive)
    (folder / "tests.yml").write_text(yaml.dump(_test_file(rules, alive, case), Dumper=Dumper))
    output = run_promtool(folder)
    broken = {int(number) for number in BROKEN.findall(output)}
    failed = {int(number) for number in FAILED.findall(output)}
    return broken | failed, not broken


def run_promtool(folder: Path) -> str:
    """Run the tests of a folder, and return what promtool prints.

    :raises AssertionError: when it fails, and no test does.
    """
    command = [find_program(PROMTOOL), "test", "rules", folder / "tests.yml"]
    run = subprocess.run(command, env=os.environ | PROMTOOL_PACE, capture_output=True, text=True, check=False)
    output = run.stdout + run.stderr
    if run.returncode and not (BROKEN.search(output) or FAILED.search(output)):
        raise AssertionError(output[:2_000])
    return output


def write_rule_file(folder: Path, rules: RuleSet, alive: Mapping[int, Mutant]) -> None:
    """Write all mutants into ``rules.yml``, each under a name of its own."""
    recorded, watched = [*rules.recordings, *rules.beside], [bystander(rules)]
    for number, mutant in alive.items():
        own, alert = mutant.named(number)
        recorded += own
        watched += [alert, *mutant.namesakes(number)]
    groups = [{"name": "recorded", "rules": recorded}, {"name": "watched", "rules": watched}]
    content = {"groups": [group for group in groups if group["rules"]]}
    (folder / "rules.yml").write_text(yaml.dump(content, Dumper=Dumper))


def _test_file(rules: RuleSet, alive: Numbered, case: dict[str, Any]) -> dict[str, Any]:
    (test,) = case["tests"]
    checks = [check for one in test["promql_expr_test"] for check in _checks(rules.name, one, alive)]
    groups = ["recorded", "watched"] if rules.recordings else ["watched"]
    if "recording" not in case["group_eval_order"][0]:
        groups.reverse()
    return {
        **case,
        "rule_files": ["rules.yml"],
        "group_eval_order": groups,
        "tests": [{**test, "promql_expr_test": checks}],
    }


def _checks(alert: str, check: dict[str, Any], alive: Numbered) -> Iterator[dict[str, Any]]:
    before = f'alertname="{alert}"'
    for number, mutant in alive.items():
        after = f'alertname="{alert}__m{number}"'
        samples = [
            {**sample, "labels": sample["labels"].replace(before, after)} for sample in check["exp_samples"]
        ]
        expr = mutant.renamed(check["expr"].replace(before, after), number)
        if expr != check["expr"]:
            yield {**check, "expr": expr, "exp_samples": samples}
