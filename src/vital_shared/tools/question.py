"""The pieces of a question in which a tool may look for its arguments."""

from __future__ import annotations

import re

__all__ = ["short_sentences"]

_MAX_CHARACTERS = 300
"""Characters. What a tool can be asked to do fits; the bound keeps patterns fast on any text."""

_MAX_SENTENCES = 50

# No "!", which is a factorial behind a number, and no full stop before a number, as in "v. 2.1".
_END = re.compile(r"[?;\n]|\.(?=\s+[^\s0-9]|\s*$)")


def short_sentences(query: str) -> tuple[str, ...]:
    """Split a question: first the whole, then sentence by sentence, without whatever is long."""
    pieces = (piece.strip() for piece in (query, *_END.split(query, maxsplit=_MAX_SENTENCES)))
    return tuple(piece for piece in pieces if 0 < len(piece) <= _MAX_CHARACTERS)
