"""Rows of tables that a question does not name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vital_shared.llm.known_words import KnownWords, content_word_list, is_code
from vital_shared.models.citation import Passage
from vital_shared.retrieval.language import ENGLISH, language_of
from vital_shared.retrieval.passage_text import passage_text

__all__ = ["asks_for_other_row"]

MIN_CELLS: Final = 2
"""Cells with a heading from which on a line is a row of a table."""

_NAMES_NO_ROW: Final = re.compile(
    r"\w+est|most|least|worst|top|maximum|minimum|first|last|lead\w*|rank\w*"
    r"|adults?|child(?:ren)?|kids?|seniors?|teen\w*|bab(?:y|ies)|infants?|toddlers?|pensioners?|minors?|youths?"
)
"""Words that compare rows, and groups of people that rows give by their ages."""


def asks_for_other_row(question: str, sentence: str, passages: Sequence[Passage]) -> bool:
    """Return whether a question names no row of the best sentence's table, but something unknown.

    "What is the profit of the pharmacies?", where the best row is that of the shops: they share only the
    heading "profit", and no passage has pharmacies. For English questions.
    """
    if not _cells(sentence) or language_of(question) != ENGLISH:
        return False
    text = "\n".join(passage_text(each.title, each.section, each.text) for each in passages)
    column = sentence.partition(": ")[0] + ": "
    lines = [sentence, *(line for line in text.splitlines() if line.startswith(column))]
    found, rows = KnownWords(text), KnownWords("\n".join(map(_cells, lines)))
    words = [word for word in content_word_list(question) if not _NAMES_NO_ROW.fullmatch(word)]
    return any(_is_unknown(word, found) for word in words) and not any(map(rows.has, words))


def _cells(line: str) -> str:
    """Return the cells of a row without the names of their columns; nothing of other lines."""
    cells = [cell.partition(": ") for cell in line.split("; ")]
    if sum(mark != "" for _, mark, _ in cells) < MIN_CELLS:
        return ""
    return " ".join(value if mark else heading for heading, mark, value in cells)


def _is_unknown(word: str, found: KnownWords) -> bool:
    """Return whether no passage has a word; numbers and codes have rules of their own."""
    return not (word.isdigit() or is_code(word) or found.has(word))
