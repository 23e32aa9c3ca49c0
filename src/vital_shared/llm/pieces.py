"""Passages as pieces that can be quoted: sentences, whole lists, and rows of tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from vital_shared.models.citation import Passage
from vital_shared.retrieval.sentences import is_item, is_lead_in, is_row, split
from vital_shared.retrieval.words import content_words

__all__ = ["PassagePiece", "pieces"]

_MAX_LIST_CHARACTERS = 1_200
"""Characters: a longer list is quoted item by item."""

_MAX_LIST_ITEMS = 10
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_ANNOUNCED = re.compile(
    rf"\b({'|'.join(_COUNTS)}) (?:\w+ )?(?!years|months|weeks|days|hours|minutes|times)\w+s\.\s*$",
    re.IGNORECASE,
)
"""A sentence such as "They are judged by two qualities." at the end of its line."""

_NUMBERED = re.compile(r"\d+(?:\.\d+)+\.? +[A-Z]")
"""The beginning of a heading such as "2.1 Your first day"."""

_RULE = re.compile(r"[\s|:=+-]*")
_RUN_IN = re.compile(r"^(\w+(?: \w+){0,4})\. (?=\S)")
"""An item's own heading ("Decision. The goal is …")."""

_CELL_WORDS = 4
"""Words that a cell of a table has at most."""

_MIN_CELLS = 4
"""Lines like cells, one after the other, that are taken for a table which has lost its rows and columns."""

_MARKUP = re.compile(r"\*\*|__|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)")
_MARKER = re.compile(r"^[ \t]*(?:[-*+\u2022\u2013]|\(?[0-9]{1,3}[.)])[ \t]+")


@dataclass(frozen=True, slots=True)
class PassagePiece:
    """A sentence, an item or a row of a passage."""

    passage: Passage
    start: int
    end: int
    """Its position in the passage's text."""

    text: str
    """The text for reading: without marks of lists and emphasis, cells with the names of their columns."""

    list_end: int | None = None
    """The end of the list that follows this sentence and belongs to it; None: there is none."""

    @property
    def quote(self) -> str:
        """The passage's own words."""
        return self.passage.text[self.start : self.end].strip()

    @property
    def with_list(self) -> PassagePiece:
        """This sentence and its list as one piece, or the sentence alone where there is none."""
        if self.list_end is None:
            return self
        items = _lines(split(self.passage.text[self.end : self.list_end]))
        lines = "".join(f"\n- {_readable(item)}" for item in items if content_words(item))
        return PassagePiece(self.passage, self.start, self.list_end, self.text + lines)


def pieces(passage: Passage) -> list[PassagePiece]:
    """Split a passage into pieces, in order; headings and rules between rows are left out.

    So are bare cells of a PDF's table: without their row and column they say nothing, or something wrong.
    """
    sentences = split(passage.text)
    cells = _bare_cells(sentences) if passage.uri.lower().endswith(".pdf") else frozenset()
    found: list[PassagePiece] = []
    start = 0
    header: list[str] = []
    for index, sentence in enumerate(sentences):
        end = start + len(sentence)
        if not is_row(sentence):
            header = []
        elif not header:
            header = _cells(sentence)
        list_end = _list_end(sentences, index, end)
        if index in cells:
            start = end
            continue
        if list_end or _says_something(sentence, sentences[index + 1 : index + 2]):
            text = _row(header, sentence) if is_row(sentence) else _readable(sentence)
            found.append(PassagePiece(passage, start, end, text, list_end))
        start = end
    return found


def _bare_cells(sentences: Sequence[str]) -> frozenset[int]:
    """Return the places of lines that stand one below the other as the cells of a table do."""
    cells: set[int] = set()
    run: list[int] = []
    for index, sentence in enumerate((*sentences, "")):
        if _is_like_cell(sentence):
            run.append(index)
            continue
        is_list = bool(run) and run[0] > 0 and is_lead_in(sentences[run[0] - 1])
        if len(run) >= _MIN_CELLS and not is_list:
            cells.update(run)
        run = []
    return frozenset(cells)


def _is_like_cell(sentence: str) -> bool:
    line = sentence.strip()
    return (
        0 < len(line.split()) <= _CELL_WORDS
        and line[-1] not in ".!?:;,"
        and not (is_item(sentence) or is_row(sentence) or line.startswith("#"))
    )


def _says_something(sentence: str, following: Sequence[str]) -> bool:
    is_header = is_row(sentence) and bool(following) and _RULE.fullmatch(following[0]) is not None
    return not (is_header or _is_heading(sentence) or not content_words(sentence))


def _is_heading(sentence: str) -> bool:
    """Return whether a line is a heading: marked or numbered as one, or all in capitals."""
    line = sentence.strip()
    is_numbered = _NUMBERED.match(line) is not None and line[-1].isalnum() and "\n" in sentence
    return line.startswith("#") or line.isupper() or is_numbered


def _list_end(sentences: Sequence[str], index: int, end: int) -> int | None:
    """Find the end of the list that the sentence at `index`, which ends at `end`, leads in."""
    sentence = sentences[index]
    if not sentence.endswith("\n") or is_item(sentence) or is_row(sentence) or index + 1 == len(sentences):
        return None
    if is_item(sentences[index + 1]):
        items = list(takewhile(is_item, _lines(_following(sentences, index))))
    elif is_lead_in(sentence):
        items = _unmarked(_lines(_following(sentences, index)))
    elif announced := _ANNOUNCED.search(sentence):
        items = _lines(_following(sentences, index))[: _COUNTS[announced.group(1).lower()]]
    else:
        return None
    length = sum(map(len, items))
    return end + length if 0 < length <= _MAX_LIST_CHARACTERS else None


def _following(sentences: Sequence[str], index: int) -> list[str]:
    """Return the sentences behind one, up to the line with which they are longer than a list may be."""
    found: list[str] = []
    left = _MAX_LIST_CHARACTERS
    for place in range(index + 1, len(sentences)):
        found.append(sentences[place])
        left -= len(sentences[place])
        if left < 0 and sentences[place].endswith("\n"):
            break
    return found


def _lines(sentences: Sequence[str]) -> list[str]:
    """Join the sentences that share a line."""
    lines: list[str] = []
    for sentence in sentences:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += sentence
        else:
            lines.append(sentence)
    return lines


def _unmarked(lines: Sequence[str]) -> list[str]:
    """Take the items of a list without marks; one with a full stop, unlike the first, is the last."""
    items: list[str] = []
    for line in lines[:_MAX_LIST_ITEMS]:
        if items and items[0].rstrip().endswith(".") and len(split(line)) > 1:
            break
        items.append(line)
        if line.rstrip().endswith(".") and not items[0].rstrip().endswith("."):
            break
    return items


def _readable(text: str) -> str:
    plain = " ".join(_MARKUP.sub("", _MARKER.sub("", text)).split())
    return _RUN_IN.sub(r"\1: ", plain) if is_item(text) else plain


def _cells(row: str) -> list[str]:
    return [_readable(cell) for cell in row.strip().strip("|").split("|")]


def _row(header: Sequence[str], row: str) -> str:
    """Write a row as "Fault: Flat loaf; Remedy: Shorten the proof"."""
    cells = _cells(row)
    names = header if len(header) == len(cells) else [""] * len(cells)
    named = [f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=True) if cell]
    return "; ".join(named)
