"""Inline elements whose form carries meaning: exponents, struck text, readings, abbreviations, choices."""

from __future__ import annotations

from typing import Final

from bs4.element import NavigableString, Tag

from vital_shared.retrieval.ingest.letter_forms import lowered, raised, struck

__all__ = ["spell_out"]

_INLINE: Final = ["sup", "sub", "del", "s", "strike", "rt", "abbr", "select", "input"]
_TYPED: Final = frozenset({"text", "number", "date", "time", "month", "week", "email", "tel", "url", ""})

MAX_CHOICES: Final = 30
"""Choices of a list that are read; longer ones are countries, years and the like, for input alone."""


def spell_out(page: Tag) -> None:
    """Write into a page, as text, what is else lost with the form of its letters.

    10<sup>6</sup> is no 106, and a price that is struck out is not the price.
    """
    for tag in page.find_all(_INLINE):
        if tag.find_parent(["pre", "select"]) is None and not tag.has_attr("hidden"):
            _SPELT[tag.name](tag)


def _raise(tag: Tag) -> None:
    text = tag.get_text().strip()
    if tag.find("a") is not None or text.startswith("["):  # of a note below the text
        mark = text if text.startswith("[") else f"[{text}]"
        tag.replace_with(NavigableString(mark if text else ""))
    elif (written := raised(text, _before(tag))) != text:
        _rewrite(tag, text, written)


def _lower(tag: Tag) -> None:
    text = tag.get_text().strip()
    _rewrite(tag, text, lowered(text, _before(tag)))


def _rewrite(tag: Tag, text: str, written: str) -> None:
    """Write a sign before the content, which keeps its elements, or else other letters in its place."""
    if written.endswith(text):
        tag.insert(0, NavigableString(written.removesuffix(text)))
    else:
        tag.replace_with(NavigableString(written))


def _strike(tag: Tag) -> None:
    text = tag.get_text(" ")
    if text.strip():
        tag.replace_with(NavigableString(struck(text)))


def _read_aloud(tag: Tag) -> None:
    text = " ".join(tag.get_text().split())
    tag.replace_with(NavigableString(f" ({text}) " if text else ""))


def _expand(tag: Tag) -> None:
    title = " ".join(str(tag.get("title", "")).split())
    if title and title.casefold() != " ".join(tag.get_text().split()).casefold():
        tag.append(NavigableString(f" ({title})"))


def _choose(tag: Tag) -> None:
    choices = [
        " ".join(option.get_text().split()) for option in tag.find_all("option", limit=MAX_CHOICES + 1)
    ]
    if 0 < len(choices) <= MAX_CHOICES:
        tag.replace_with(NavigableString(f" {', '.join(filter(None, choices))} "))


def _fill_in(tag: Tag) -> None:
    kind, value = str(tag.get("type", "")).lower(), str(tag.get("value", "")).strip()
    if kind in _TYPED and value:
        tag.replace_with(NavigableString(f" {value} "))
    elif kind in {"checkbox", "radio"}:
        tag.replace_with(NavigableString(" [x] " if tag.has_attr("checked") else " [ ] "))


def _before(tag: Tag) -> str:
    before = tag.previous_sibling
    return before.get_text() if before is not None else ""


_SPELT: Final = {
    "sup": _raise,
    "sub": _lower,
    **dict.fromkeys(("del", "s", "strike"), _strike),
    "rt": _read_aloud,
    "abbr": _expand,
    "select": _choose,
    "input": _fill_in,
}
