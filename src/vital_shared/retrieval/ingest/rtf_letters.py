"""Raised and struck letters of rich text, marked: in groups within each other, and switched on and off.

See the Rich Text Format Specification 1.9.1, "Font (Character) Formatting Properties".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from vital_shared.retrieval.ingest.letter_forms import raised, struck
from vital_shared.retrieval.ingest.rtf_tokens import TOKEN

__all__ = ["with_marked_letters", "with_spelt_letters"]

_RAISED, _RAISED_END, _STRUCK, _STRUCK_END = "\x01", "\x02", "\x07", "\x08"
_COUNTS: Final = re.compile(r"\\(?:super|strike)")
_STRIKES: Final = frozenset(("strike", "striked"))
_PLACES: Final = frozenset(("super", "sub", "nosupersub"))
_ENDS: Final = {_RAISED: _RAISED_END, _STRUCK: _STRUCK_END}

_RAISED_TEXT: Final = re.compile(f"(?P<before>.?){_RAISED}(?P<text>[^{_RAISED_END}]*){_RAISED_END}")
_STRUCK_TEXT: Final = re.compile(f"{_STRUCK}(?P<text>[^{_STRUCK_END}]*){_STRUCK_END}")


def with_marked_letters(source: str) -> str:
    """Return the source of a rich text with marks around raised and struck letters."""
    return "".join(_marked(source)) if _COUNTS.search(source) else source


def with_spelt_letters(text: str) -> str:
    """Return a text with its marked letters spelt out."""
    for mark, end in _ENDS.items():
        text = text.replace(end + mark, "")
    text = _RAISED_TEXT.sub(lambda m: m["before"] + raised(m["text"], m["before"]), text)
    return _STRUCK_TEXT.sub(lambda m: struck(m["text"]), text)


def _marked(source: str) -> Iterator[str]:
    is_struck, is_raised = False, False
    around: list[tuple[bool, bool]] = []
    mark = ""
    for token in TOKEN.finditer(source):
        word, text = token["word"], token.group()
        is_text = not (word or token["brace"])
        wanted = (_STRUCK if is_struck else _RAISED if is_raised else "") if is_text else ""
        if wanted != mark and text.strip():
            yield _ENDS.get(mark, "") + wanted
            mark = wanted
        yield text
        if token["brace"] == "{":
            around.append((is_struck, is_raised))
        elif token["brace"]:
            is_struck, is_raised = around.pop() if around else (False, False)
        elif word == "plain":
            is_struck = is_raised = False
        elif word in _STRIKES:
            is_struck = token["number"] != "0"
        elif word in _PLACES:
            is_raised = word == "super" and token["number"] != "0"
