"""Scores of alerts by mutation, what is equivalent, and the survivors that are known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.vital_ops.mutation.equivalence import equivalents
from tests.vital_ops.mutation.mutants import Mutant, every_alert, mutants, rule_set
from tests.vital_ops.mutation.running import survivors
from tests.vital_ops.rules_of_spec import SAID, faults

__all__ = [
    "SCORES",
    "Score",
    "known_survivors",
    "read_scores",
    "sample",
    "score",
    "unnoticed",
    "write_scores",
]

SCORES: Final = Path(__file__).with_name("scores.json")
"""Findings of the last run over all mutants; see `__main__`."""


@dataclass(frozen=True, slots=True)
class Score:
    """How many changes of one alert its tests notice."""

    fires: int
    """Changes of when it fires."""
    says: int
    """Changes of what it says, and to whom."""
    unsaid: tuple[Mutant, ...]
    """Changes of what it says that nothing notices."""
    equivalent: tuple[Mutant, ...]
    """Changes of when it fires that change nothing."""
    survivors: tuple[Mutant, ...]
    """Changes of when it fires that nothing notices, and that are not shown to be equivalent."""

    def as_json(self) -> dict[str, Any]:
        """Write it, for the table."""
        return {
            "fires": self.fires,
            "noticed": self.fires - len(self.equivalent) - len(self.survivors),
            "says": self.says,
            "said": self.says - len(self.unsaid),
            "equivalent": _named(self.equivalent),
            "survivors": _named(self.survivors),
        }


def _named(some: Iterable[Mutant]) -> list[list[str]]:
    return [[mutant.operator, mutant.what] for mutant in some]


def unnoticed(key: str, chosen: Mapping[int, Mutant], folder: Path) -> dict[int, Mutant]:
    """Return the changes that neither promtool nor the table of what an alert is notices."""
    rules = rule_set(key)
    alive = survivors(rules, chosen, folder)
    return {
        number: mutant
        for number, mutant in alive.items()
        if not [*faults(SAID[key], mutant.rules.group, mutant.rules.alert)]
    }


def score(key: str, folder: Path) -> Score:
    """Run an alert's tests on all its mutants."""
    rules = rule_set(key)
    every = [*mutants(rules)]
    says = [mutant for mutant in every if mutant.evaluates_alike]
    fires = {number: mutant for number, mutant in enumerate(every) if not mutant.evaluates_alike}
    alive = unnoticed(key, fires, folder)
    alike = equivalents(rules, alive, folder)
    return Score(
        fires=len(fires),
        says=len(says),
        unsaid=tuple(each for each in says if not [*faults(SAID[key], each.rules.group, each.rules.alert)]),
        equivalent=tuple(alike.values()),
        survivors=tuple(mutant for number, mutant in alive.items() if number not in alike),
    )


def sample(key: str, size: int) -> dict[int, Mutant]:
    """Choose changes of when an alert fires that the last run noticed, the same each time."""
    known = known_survivors(key)
    noticed = [
        mutant
        for mutant in mutants(rule_set(key))
        if not mutant.evaluates_alike and (mutant.operator, mutant.what) not in known
    ]
    return dict(enumerate(Random(key).sample(noticed, min(size, len(noticed)))))


def read_scores() -> dict[str, dict[str, Any]]:
    """Read the findings of the last run, by the alerts' keys."""
    found: dict[str, dict[str, Any]] = json.loads(SCORES.read_text()) if SCORES.exists() else {}
    return found


def known_survivors(key: str) -> set[tuple[str, str]]:
    """Return what the last run did not notice, equivalent or not."""
    found = read_scores().get(key, {"equivalent": [], "survivors": []})
    return {(operator, what) for operator, what in (*found["equivalent"], *found["survivors"])}


def write_scores(folder: Path, keys: Iterable[str]) -> None:
    """Run all mutants of these alerts, and keep what was found."""
    for key in keys:
        scored = score(key, folder).as_json()
        found = read_scores() | {key: scored}
        ordered = {name: found[name] for name in every_alert() if name in found}
        SCORES.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
