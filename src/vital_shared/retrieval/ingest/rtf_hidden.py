"""Text of rich text files that is hidden, or deleted by a tracked change: it is no part of the document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from vital_shared.retrieval.ingest.rtf_tokens import TOKEN

__all__ = ["without_hidden"]

_HIDES: Final = re.compile(r"\\(?:v|deleted)(?![a-z])")
_STAYS: Final = frozenset(("par", "cell", "row", "nestcell", "nestrow", "line", "page", "sect"))
"""Control words that are kept within hidden text: a paragraph or a row ends there, all the same."""


def without_hidden(source: str) -> str:
    """Return the source of a rich text without what is hidden or deleted, with its groups whole."""
    return "".join(_kept(source)) if _HIDES.search(source) else source


def _kept(source: str) -> Iterator[str]:
    hidden: frozenset[str] = frozenset()
    around: list[frozenset[str]] = []
    for token in TOKEN.finditer(source):
        word = token["word"]
        if token["brace"] == "{":
            around.append(hidden)
        elif token["brace"] == "}":
            hidden = around.pop() if around else frozenset()
        elif word == "plain":
            hidden = frozenset()
        elif word in ("v", "deleted"):
            hidden = hidden - {word} if token["number"] == "0" else hidden | {word}
        elif hidden and not (word and (word in _STAYS or word.startswith("trowd") or "cellx" in word)):
            continue
        yield token.group()
