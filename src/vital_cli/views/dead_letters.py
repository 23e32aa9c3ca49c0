"""Writes that were set aside."""

from __future__ import annotations

import json
from collections.abc import Sequence

from vital_cli.terminal import clean, say, show_fields, show_table, write
from vital_shared.models.dead_letter import DeadLetter

__all__ = ["show_letter", "show_letters"]

MAX_ERROR_CHARACTERS: int = 80
"""Characters of an error in the table; `show_letter` has all of it."""


def show_letters(letters: Sequence[DeadLetter]) -> None:
    """Print one line for each."""
    if not letters:
        say("There is nothing: no write was set aside, or all are seen to.")
        return
    show_table([_row(letter) for letter in letters])


def show_letter(letter: DeadLetter) -> None:
    """Print all of one, with what should have been written as JSON."""
    show_fields(_row(letter) | {"error": letter.error})
    write(clean(json.dumps(letter.payload, indent=2, ensure_ascii=False)) + "\n")


def _row(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "set aside": f"{letter.at:%Y-%m-%d %H:%M} UTC",
        "kind": letter.kind,
        "tenant": letter.tenant_id,
        "run": letter.run_id,
        "item": letter.item,
        "attempts": letter.attempts,
        "state": letter.resolved or "open",
        "error": letter.error[:MAX_ERROR_CHARACTERS],
    }
