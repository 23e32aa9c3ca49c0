"""Lines of plain text to paragraphs and list items."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vital_shared.retrieval.ingest.blocks import Kind

__all__ = ["ends_within_name", "paragraphs", "usual_width"]

_BULLET = re.compile(r"[-*•‣◦▪·∙●○■]\s+(?=\S)")
_NUMBER = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z]\))\s+(?=\S)")
_OPEN_NAME = re.compile(r"[^\W_]-$")
_HYPHEN = re.compile(r"[^\W\d_]-$")

MIN_WRAP_WIDTH = 40
"""In narrower text, addresses and verses are likelier than wrapped prose."""


def usual_width(lines: Sequence[str]) -> int:
    """Return how long lines get before they are wrapped, in characters; a few longer ones do not count."""
    widths = sorted(len(line.rstrip()) for line in lines if line.strip())
    return widths[int(0.9 * (len(widths) - 1))] if widths else 0


def paragraphs(lines: Sequence[str], *, width: int) -> Iterator[tuple[Kind, str]]:
    """Join wrapped lines, and yield paragraphs and list items; an empty line ends either.

    A line break that nothing forced, because the next word would have fitted, was meant and is kept.
    Numbers of items are kept, bullets are not.

    :param width: the width of the whole text, see `usual_width`.
    """
    kind: Kind = "paragraph"
    text = last = ""
    for line in [*map(str.strip, lines), ""]:
        bullet = _BULLET.match(line)
        starts_item = bool(bullet or _NUMBER.match(line))
        if text and (starts_item or not line):
            yield kind, text
            text = ""
        if not text:
            kind = "item" if starts_item else "paragraph"
            text = line[bullet.end() :] if bullet else line
        else:
            text += _joint(last, line, width) + line
        last = line


def ends_within_name(line: str, following: str) -> bool:
    """Return whether a line breaks behind the hyphen of a name or a code: "HX-210", "Mayer-Lohse".

    A word that was divided goes on in small letters.
    """
    return _OPEN_NAME.search(line) is not None and (following[:1].isdigit() or following[:1].isupper())


def _joint(line: str, following: str, width: int) -> str:
    """Return what joins two lines: nothing after a hyphen, a space in wrapped prose, or a line break."""
    word = following.split(maxsplit=1)[0]
    if ends_within_name(line, word):
        return ""
    if word[0].islower():
        return "" if _HYPHEN.search(line[-2:]) else " "
    fits = len(line) + 1 + len(word) <= 0.85 * width
    wrapped = width >= MIN_WRAP_WIDTH and not fits and not line.endswith(":")
    return " " if wrapped else "\n"
