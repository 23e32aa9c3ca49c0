"""Text as sentences: prose, list items and table rows, without losing a character."""

# ruff: noqa: RUF001 (curly quotes and dashes are what the texts have)
# ruff: noqa: SIM905 (word lists read better as one string)

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["is_item", "is_lead_in", "is_row", "split", "without_marker"]

_MARKER = (
    r"[ \t]{0,64}(?:[-*+•–]|\(?[0-9]{1,3}[.)]|\(?[a-z][.)]|\(?[A-Z]\)"
    r"|\(?(?:[ivx]{2,5}|[IVX]{2,5})[.)])[ \t]+"  # one capital letter and a full stop begin a name, too
)
_LINE_OF_ITS_OWN = re.compile(rf"{_MARKER}|[ \t]*+[|#]")
_ITEM = re.compile(_MARKER)
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]*_]*+\s++(?=[\"'“‘(\[*_]*+[^\W_a-z])")
"""A full stop, closing quotes, and something that is no small letter; in linear time, whatever the text."""

_NEXT_WORD = re.compile(r"\W*+(\w++)")

_ABBREVIATIONS = frozenset(
    "al approx art arts ave ca capt cf ch chap co col cols corp dept dr ed eds eq fig figs gen gov inc jr "
    "lt ltd max min mr mrs ms mt nos p para paras pp prof pt ref refs rep rev s sec sect sen sgt sr ss st "
    "tab v viz vol vols vs "
    "bzw bijv d.h evtl exkl ggf hrsg inkl insb mio mrd sog sra std t.ex vgl z.b zzgl".split()
)
_ABBREVIATIONS_BEFORE_NUMBERS = frozenset(
    "abb abs anh art bd ca kap kl lit mind nr num núm pkt pag pág rn stk str tel ziff".split()
)
"""Words that are whole ones elsewhere, or end sentences; a number after them says that they do not."""

_ORDINAL = re.compile(r"[0-9]{1,2}")
_MONTHS = frozenset(
    "januar jänner jan februar feber feb märz april apr mai juni jun juli jul august aug september sept "
    "sep oktober okt november nov dezember dez".split()
)
_BEFORE_ORDINALS = frozenset(
    "ab am beim bis das dem den der des die im jede jedem jeden jeder jedes seit vom zum zur".split()
)
"""Words before a German ordinal, whose full stop ends no sentence: "am 2. Tag", "im 3. Stock"."""

_BEFORE_NUMBERS = frozenset(["no", "appendix", "annex", "section", "article", "chapter", "part", "table"])
_STARTERS = frozenset(
    "a after all an and any as at before both but by each every for from he how however if in it its no not "
    "of on once one only or our she since so some such that the their then there these they this those to "
    "under until we what when where while who with you your".split()
)
"""Words that, capitalised, begin a sentence rather than go on with a name, and that seldom end one."""

_RUN_IN_WORDS = 5
"""Words at the start of a list item that may be its heading, at most ("Decision. The goal is …")."""

_RUN_IN_CHARACTERS = 200
_LAST_WORD_CHARACTERS = 100


def split(text: str) -> list[str]:
    """Split a text into sentences; joined, they are the text again, white space included.

    A list item, a table row and a heading end with their line, and so does any line that the next
    one does not plainly go on with (wrapped text: with a small letter, or after "of the").
    """
    return [sentence for block in _blocks(text) for sentence in _split_block(block)]


def is_item(sentence: str) -> bool:
    """Return whether this is an item of a list, or begins one."""
    return _ITEM.match(sentence) is not None


def without_marker(sentence: str) -> str:
    """Return a list item without its bullet or number; anything else as it is."""
    return _ITEM.sub("", sentence, count=1) if is_item(sentence) else sentence


def is_row(sentence: str) -> bool:
    """Return whether this is a row of a table, in Markdown's form."""
    return sentence.lstrip().startswith("|")


def is_lead_in(sentence: str) -> bool:
    """Return whether this introduces the text after it ("The file holds:")."""
    return sentence.rstrip().endswith(":")


def _blocks(text: str) -> list[str]:
    """Group the lines: what belongs to one paragraph, item or row, with the blank lines after it."""
    blocks: list[list[str]] = []
    before, joins = "", False
    for line in text.splitlines(keepends=True):
        if blocks and (not line.strip() or (joins and _goes_on(before, line))):
            blocks[-1].append(line)
        else:
            blocks.append([line])
        before = line
        joins = bool(line.strip()) and not is_row(line) and not line.lstrip().startswith("#")
    return ["".join(lines) for lines in blocks]


def _goes_on(before: str, line: str) -> bool:
    """Return whether a line of wrapped text goes on with the line before it."""
    if _LINE_OF_ITS_OWN.match(line) or before.rstrip().endswith((".", ":", ";", "!", "?")):
        return False
    last = before.rsplit(maxsplit=1)[-1]
    return line.lstrip()[0].islower() or last.endswith((",", "-")) or last in _STARTERS


def _split_block(block: str) -> list[str]:
    if is_row(block):
        return [block]
    sentences = []
    start = 0
    for end in _END.finditer(block):
        if _is_boundary(block, start, end):
            sentences.append(block[start : end.end()])
            start = end.end()
    if start < len(block):
        sentences.append(block[start:])
    return sentences


def _is_boundary(block: str, start: int, end: re.Match[str]) -> bool:
    """Return whether a sentence that begins at `start` ends here."""
    mark, stop = end.group(), end.start()
    if _ITEM.fullmatch(block, start, end.end()):
        return False  # the number of a list item
    marker = _ITEM.match(block, start, stop)
    if marker and _is_run_in(block, marker.end(), stop) and not mark.startswith(("!", "?")):
        return False  # an item's own heading
    if not mark.startswith(".") or mark.rstrip() != ".":
        return True
    words = block[max(start, stop - _LAST_WORD_CHARACTERS) : stop].split()
    last = words[-1].lstrip("(\"'“‘[*_") if words else ""
    following = _NEXT_WORD.match(block, end.end())
    next_word = following.group(1) if following else ""
    if _is_ordinal(words, next_word) or _is_of_letters(block, words, following):
        return False
    return not _is_abbreviation(last, next_word)


def _is_ordinal(words: Sequence[str], next_word: str) -> bool:
    """Return whether the full stop makes an ordinal of a number: "am 29. August", "der 2. Mahnung"."""
    if not words or not _ORDINAL.fullmatch(words[-1].lstrip("(\"'“‘[*_")):
        return False
    before = words[-2].lower() if len(words) > 1 else ""
    return next_word.lower() in _MONTHS or (before in _BEFORE_ORDINALS and next_word[:1].isupper())


def _is_of_letters(block: str, words: Sequence[str], following: re.Match[str] | None) -> bool:
    """Return whether the full stop is one of single letters with blanks, such as "z. B." and "d. h."."""
    if not words or not re.fullmatch(r"[^\W\d_]", words[-1].lstrip("(")):
        return False
    before, after = words[-2] if len(words) > 1 else "", following.group(1) if following else ""
    goes_on = (
        following is not None and len(after) == 1 and block[following.end() : following.end() + 1] == "."
    )
    return (goes_on and words[-1].lstrip("(").islower()) or re.fullmatch(r"\(?[a-zà-ÿ]\.", before) is not None


def _is_run_in(block: str, start: int, stop: int) -> bool:
    return stop - start <= _RUN_IN_CHARACTERS and len(block[start:stop].split()) <= _RUN_IN_WORDS


def _is_abbreviation(last: str, next_word: str) -> bool:
    """Return whether the full stop after the word `last` belongs to it, and the sentence goes on."""
    word = last.lower()
    if word in _ABBREVIATIONS or word in ("e.g", "i.e"):
        return True
    if word in _ABBREVIATIONS_BEFORE_NUMBERS:
        return next_word.isdigit()
    if word in _BEFORE_NUMBERS:
        return next_word.isdigit() and word == "no"
    if len(last) == 1 and last.isalpha() and last.isupper():
        return next_word.lower() not in _STARTERS  # an initial, unless a sentence plainly begins
    if re.fullmatch(r"(?:\w\.)+\w", last):  # U.S, a.m
        return next_word.lower() not in _STARTERS
    return False
