"""Letters to words, and words to lines."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from vital_shared.retrieval.ingest.pdf.letters import Letter

__all__ = ["Word", "columned", "joined", "text_lines", "words_of"]

WORD_GAP: Final = 0.1
"""The gap that is a space, in sizes of its letters. As in poppler's pdftotext (minWordBreakSpace)."""

SAME_BASELINE: Final = 0.25
SMALLER: Final = 0.87
"""Letters smaller than this part of those beside them may be raised or lowered."""

HIGHEST: Final = 0.7
LOWEST: Final = 0.4
"""The distance that a small word may be raised or lowered, in sizes of the letters beside it."""

RIGHT_TO_LEFT: Final = {"R", "AL"}
"""Classes of letters, Unicode Standard Annex 9."""

_LEADERS: Final = re.compile(r"(?: ?[.·…]){5,} ?")
_EXPONENT: Final = re.compile(r"[-+\u2212\u2013]?\d+")


class Word(NamedTuple):
    """A word of a page, in the coordinates of its letters."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    mono: bool = False
    spaced: bool = True
    """Whether the file has a space before it."""

    filled_in: bool = False
    """Whether it is what somebody entered into a form."""


def words_of(letters: Iterable[Letter]) -> list[Word]:
    """Join letters of one direction that follow each other without a gap."""
    words: list[Word] = []
    word: list[Letter] = []
    for letter in letters:
        if word and not _goes_on(word[-1], letter):
            words.append(_word(word))
            word = []
        word.append(letter)
    return [*words, _word(word)] if word else words


def text_lines(words: Iterable[Word]) -> list[list[Word]]:
    """Return lines from the top to the bottom, each from the left to the right.

    Small raised and lowered words join the line of those that they stand beside.
    """
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda word: (word.y, word.x0)):
        near = (row for row in reversed(rows[-4:]) if _is_level(row[0], word))
        row = next(near, None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    lines = [line for line in _with_raised(rows) if line]
    for line in lines:
        line.sort(key=lambda word: word.x0)
    return sorted(lines, key=lambda line: max(line, key=lambda word: word.size).y)


def joined(words: Sequence[Word]) -> str:
    """Return the text of one line's words."""
    if sum(map(_is_right_to_left, words)) > len(words) / 2:
        words = sorted(words, key=lambda word: -word.x1)
        return " ".join(word.text for word in words)
    parts: list[str] = []
    before: Word | None = None
    for word in words:
        if before is not None:
            gap = word.x0 - before.x1
            parts.append(" " if word.spaced or gap > WORD_GAP * min(word.size, before.size) else "")
            parts.append(_raised_sign(before, word))
        parts.append(word.text)
        before = word
    return _LEADERS.sub(" … ", "".join(parts)).strip()


def columned(words: Sequence[Word], left: float) -> str:
    """Return one line's words with as many spaces between them as there is room for: code, or a drawing."""
    pitch = max(sum(word.x1 - word.x0 for word in words) / sum(len(word.text) for word in words), 1.0)
    line = ""
    for word in words:
        column = round((word.x0 - left) / pitch)
        line += " " * max(column - len(line), int(bool(line) and word.spaced)) + word.text
    return line


def _goes_on(last: Letter, letter: Letter) -> bool:
    size = max(last.size, letter.size)
    if unicodedata.bidirectional(letter.text[0]) in RIGHT_TO_LEFT:
        last, letter = letter._replace(spaced=letter.spaced), last._replace(spaced=letter.spaced)
    return (
        not letter.spaced
        and abs(last.y - letter.y) < 0.1 * size
        and min(last.size, letter.size) > SMALLER * size
        and letter.x0 >= min(last.x0, last.x1 - 0.5 * size) - 0.01  # parts of a ligature have one place
        and letter.x0 - last.x1 < WORD_GAP * size
    )


def _word(letters: list[Letter]) -> Word:
    first, last = letters[0], letters[-1]
    text = "".join(letter.text for letter in letters)
    x0, x1 = min(first.x0, last.x0), max(first.x1, last.x1)
    return Word(text, x0, x1, first.y, first.size, first.bold, first.mono, first.spaced)


def _is_level(first: Word, word: Word) -> bool:
    return abs(first.y - word.y) <= SAME_BASELINE * min(first.size, word.size)


def _with_raised(rows: list[list[Word]]) -> list[list[Word]]:
    """Move raised and lowered words to the lines of their neighbours."""
    sizes = [max(word.size for word in row) for row in rows]
    for number, row in enumerate(rows):
        around = {*range(max(number - 3, 0), min(number + 4, len(rows)))} - {number}
        smallest = min((word.size for word in row), default=math.inf)
        larger = [other for other in around if SMALLER * sizes[other] > smallest]
        if not larger:
            continue
        kept: list[Word] = []
        for word in row:
            home = next((rows[n] for n in larger if any(_is_beside(base, word) for base in rows[n])), None)
            (kept if home is None else home).append(word)
        row[:] = kept
    return rows


def _is_beside(base: Word, word: Word) -> bool:
    raised = base.y - word.y
    if raised == 0 or not -LOWEST * base.size <= raised <= HIGHEST * base.size:
        return False
    reach = 0.25 * base.size
    is_near = -reach <= word.x0 - base.x1 <= reach or -reach <= base.x0 - word.x1 <= reach
    return is_near and word.size < SMALLER * base.size


def _raised_sign(base: Word, word: Word) -> str:
    """Return a sign where numbers would run together: ten to the third is 10^3, not 103."""
    is_raised = word.size < SMALLER * base.size and base.y - word.y > 0.15 * base.size
    return "^" if is_raised and base.text[-1].isalnum() and _EXPONENT.match(word.text) else ""


def _is_right_to_left(word: Word) -> bool:
    return unicodedata.bidirectional(word.text[0]) in RIGHT_TO_LEFT
