"""Texts in CSV that a spreadsheet does not take for formulas."""

from __future__ import annotations

from typing import Final

__all__ = ["defused"]

FORMULAS: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets take these too
CONTROLS: Final = ("\t", "\r", "\n")


def defused(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet could take for a formula."""
    dangerous = text.startswith(CONTROLS) or text.lstrip().startswith(FORMULAS)
    return f"'{text}" if dangerous else text
