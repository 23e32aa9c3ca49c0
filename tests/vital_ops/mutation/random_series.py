"""Whether mutants fire whenever their alert does, on random series."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml
from tests.vital_ops.mutation.mutants import Mutant, RuleSet
from tests.vital_ops.mutation.running import FAILED, cases_of, write_rule_file

from vital_ops.stack.programs import PROMTOOL, find_program

__all__ = ["agree_on_random_series"]

TRIALS: Final = 6
MINUTES: Final = 240
CHECKED_EVERY_MINUTES: Final = 5


def agree_on_random_series(rules: RuleSet, mutants: Mapping[int, Mutant], folder: Path) -> dict[int, Mutant]:
    """Return those that fire whenever the alert does, and at no other time."""
    itself = replace(next(iter(mutants.values())), rules=rules, recording=None)
    original = max(mutants) + 1
    write_rule_file(folder, rules, {**mutants, original: itself})
    groups = ["recorded", "watched"] if rules.recordings else ["watched"]
    content = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "group_eval_order": groups,
        "tests": [_trial(rules, [*mutants], original, number) for number in range(TRIALS)],
    }
    (folder / "tests.yml").write_text(yaml.safe_dump(content))
    command = [find_program(PROMTOOL), "test", "rules", folder / "tests.yml"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    differ = {int(number) for number in FAILED.findall(run.stdout + run.stderr)}
    return {number: mutant for number, mutant in mutants.items() if number not in differ}


def _trial(rules: RuleSet, numbers: list[int], original: int, seed: int) -> dict[str, Any]:
    chance = Random(seed)
    cases = cases_of(rules.key)
    names = sorted({line["series"] for case in cases for line in case["tests"][0]["input_series"]})
    minutes = range(0, MINUTES, CHECKED_EVERY_MINUTES)
    checks = [
        {
            "expr": f"({_firing(rules.name, number)}) != ({_firing(rules.name, original)})",
            "eval_time": f"{minute}m",
            "exp_samples": [],
        }
        for number in numbers
        for minute in minutes
    ]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": " ".join(_values(name, chance))} for name in names],
        "promql_expr_test": checks,
    }


def _firing(name: str, number: int) -> str:
    return f'count(ALERTS{{alertname="{name}__m{number}",alertstate="firing"}}) or vector(0)'


def _values(series: str, chance: Random) -> Iterator[str]:
    """Make a walk in phases of its own pace, with outages of an engine."""
    rises = re.match(r"\w+_(total|count|sum|bucket)\b", series) is not None
    is_up, value, pace = series.startswith("up{"), 0.0, 0.0
    for minute in range(MINUTES):
        if minute % 20 == 0:
            pace = chance.choice((0.0, 0.1, 1.0, 10.0, 100.0)) * chance.random()
        if is_up:
            value = float(chance.random() < 0.97) if minute % 7 else float(chance.random() < 0.6)
        else:
            value = value + pace if rises else pace
        yield f"{value:.6g}"
