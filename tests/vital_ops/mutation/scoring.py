"""Scores of alerts by mutation, and the survivors that are known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tests.vital_ops.mutation.mutants import Mutant, every_alert, mutants, rule_set
from tests.vital_ops.mutation.running import survivors
from tests.vital_ops.rules_of_spec import SAID, faults

__all__ = ["SCORES", "Score", "score", "written"]

SCORES: Final = Path(__file__).with_name("scores.json")
"""What the last run over all mutants has found; see `__main__`."""


@dataclass(frozen=True, slots=True)
class Score:
    """How many changes of one alert its tests notice."""

    mutants: int
    survivors: tuple[Mutant, ...]
    known: set[tuple[str, str]]

    @property
    def unknown(self) -> str:
        """The survivors that no earlier run has found."""
        return "\n".join(
            f"{mutant.operator}: {mutant.what}"
            for mutant in self.survivors
            if (mutant.operator, mutant.what) not in self.known
        )


def score(key: str, folder: Path, sample: int | None = None) -> Score:
    """Run an alert's tests on its mutants.

    :param sample: the number of mutants, chosen by the alert's name; None: all.
    """
    rules = rule_set(key)
    said, every = SAID[key], list(mutants(rules))
    chosen = every if sample is None else Random(key).sample(every, min(sample, len(every)))
    passing = [mutant for mutant in chosen if not [*faults(said, mutant.rules.group, mutant.rules.alert)]]
    alive = survivors(rules, dict(enumerate(passing)), folder)
    known = json.loads(SCORES.read_text()).get(key, {}).get("survivors", []) if SCORES.exists() else []
    return Score(
        len(chosen),
        tuple(alive.values()),
        {(operator, what) for operator, what in known},
    )


def written(folder: Path, keys: tuple[str, ...] | None = None) -> dict[str, object]:
    """Run all, and write what was found."""
    found = json.loads(SCORES.read_text()) if SCORES.exists() else {}
    for key in keys or every_alert():
        each = score(key, folder)
        found[key] = {
            "mutants": each.mutants,
            "killed": each.mutants - len(each.survivors),
            "survivors": [[mutant.operator, mutant.what] for mutant in each.survivors],
        }
        ordered = {name: found[name] for name in every_alert() if name in found}
        SCORES.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
    return found
