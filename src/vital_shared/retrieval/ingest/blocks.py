"""The common form of every format: a title, and blocks of text under headings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from vital_shared.retrieval.ingest.tokens import shorten, tokens

__all__ = ["Block", "Kind", "Outline", "Parsed", "Place", "clean", "title_from"]

Kind = Literal["paragraph", "item", "row", "code"]

MAX_HEADING_TOKENS = 40
"""Tokens of a heading, at most; a longer one is a paragraph in large letters."""

MAX_TITLE_TOKENS = 50

# Control characters, lone surrogates, soft hyphens and marks without width: no reader sees them,
# and some databases refuse them.
_CONTROLS = (*range(9), *range(0xE, 0x1C), 0x7F, *range(0x80, 0x85), *range(0x86, 0xA0))
_WIDTHLESS = (0xAD, 0x200B, 0x2060, 0xFEFF, 0xFFFE, 0xFFFF)
_INVISIBLE = dict.fromkeys([*_CONTROLS, *_WIDTHLESS, *range(0xD800, 0xE000)])


_WIDE = re.compile(r"\s{40,}")


class Place(NamedTuple):
    """The place of a block in a document that has pages, slides or rows."""

    kind: Literal["page", "row"]
    number: int


class Block(NamedTuple):
    """A paragraph, list item, table row or piece of code."""

    headings: tuple[str, ...]
    """The headings from the top to this block."""

    kind: Kind
    text: str
    """Clean, and not empty; lines that belong apart are apart."""

    place: Place | None = None


class Parsed(NamedTuple):
    """A document, read."""

    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()
    """Sentences for the user: what of the document was not read."""


class Outline:
    """A document's blocks under their headings, while it is read from its top to its end."""

    def __init__(self) -> None:
        self._path: list[tuple[int, str]] = []
        self._blocks: list[Block] = []
        self._bare = False
        self._top = (7, "")
        self._place: Place | None = None

    def at(self, place: Place | None) -> None:
        """Note where the next blocks stand."""
        self._place = place

    def heading(self, level: int, text: str) -> None:
        """Start a section; 1 is the top level."""
        text = " ".join(clean(text).split())
        if tokens(text) > MAX_HEADING_TOKENS:
            self.add("paragraph", text)
        elif text:
            self._keep_bare_heading(level)
            self._path = [*self._above(level), (level, text)]
            self._bare = True
            self._top = min(self._top, (level, text), key=lambda heading: heading[0])

    def add(self, kind: Kind, text: str) -> None:
        """Add a block to the current section; empty ones are left out."""
        text = clean(text, keep_indent=kind == "code")
        if text:
            headings = tuple(heading for _, heading in self._path)
            self._blocks.append(Block(headings, kind, text, self._place))
            self._bare = False

    def finish(self, *, title: str, uri: str, notes: Iterable[str] = ()) -> Parsed:
        """Return the document.

        :param title: the title that the format itself names, or "": then it is the topmost heading,
            or else made of the file's name.
        :param notes: the parts of the document that were not read, a sentence each.
        """
        self._keep_bare_heading(0)
        title = " ".join(clean(title).split()) or self.top_heading or title_from(uri)
        return Parsed(shorten(title, MAX_TITLE_TOKENS), _below_title(title, self._blocks), tuple(notes))

    @property
    def top_heading(self) -> str:
        """The first of the headings of the highest level so far."""
        return self._top[1]

    def _above(self, level: int) -> list[tuple[int, str]]:
        return [(upper, heading) for upper, heading in self._path if upper < level]

    def _keep_bare_heading(self, level: int) -> None:
        """Make the last heading a paragraph if nothing stands under it, so that its words can be found."""
        if self._bare and self._path[-1][0] >= level:
            *upper, (_, text) = self._path
            headings = tuple(heading for _, heading in upper)
            self._blocks.append(Block(headings, "paragraph", text, self._place))
            self._bare = False


def clean(text: str, *, keep_indent: bool = False) -> str:
    """Return `text` composed (NFC), without invisible characters, empty lines and needless spaces."""
    lines = re.split(r"\r\n|[\n\v\f\r\x85\u2028\u2029]", text.translate(_INVISIBLE))
    tidy = (_WIDE.sub(" " * 40, line.rstrip()) if keep_indent else " ".join(line.split()) for line in lines)
    return unicodedata.normalize("NFC", "\n".join(line for line in tidy if line))


def _below_title(title: str, blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Drop the title from the headings where it stands above all of them: it is stored on its own."""
    kept = tuple(blocks)
    without = tuple(block for block in kept if block.headings or block.text != title)
    kept = without or kept
    if any(block.headings and block.headings[0] != title for block in kept):
        return kept
    return tuple(block._replace(headings=block.headings[1:]) for block in kept)


def title_from(uri: str) -> str:
    """Return the name of a file as words."""
    return re.sub(r"[-_\s]+", " ", PurePosixPath(uri).stem).strip() or uri
