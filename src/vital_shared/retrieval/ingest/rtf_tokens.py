"""The parts of the source of a rich text."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["TOKEN"]

TOKEN: Final = re.compile(
    r"\\(?P<word>[a-zA-Z]+)(?P<number>-?\d+)? ?|\\'[0-9a-fA-F]{2}|\\.|(?P<brace>[{}])|[^\\{}]+", re.DOTALL
)
"""A control word with its number, a brace, or text."""
