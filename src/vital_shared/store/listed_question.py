"""The question of a run, as lists show it and search in it."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_SEARCH_CHARACTERS", "MAX_TITLE_CHARACTERS", "to_search_text", "to_title"]

MAX_TITLE_CHARACTERS: Final = 200

MAX_SEARCH_CHARACTERS: Final = 300
"""Characters of a question that are searched: they are in an index, whose rows Postgres limits to 2.7 kB."""


def to_title(question: str) -> str:
    """Return the beginning of a question on one line."""
    return " ".join(question[: 2 * MAX_TITLE_CHARACTERS].split())[:MAX_TITLE_CHARACTERS]


def to_search_text(question: str) -> str:
    """Return the beginning of a question on one line and without its case.

    SQLite folds the case of ASCII alone, so this is done before.
    """
    return " ".join(question[: 2 * MAX_SEARCH_CHARACTERS].casefold().split())[:MAX_SEARCH_CHARACTERS]
