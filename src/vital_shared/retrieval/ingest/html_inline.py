"""Inline elements that say more than their text: exponents, struck text, abbreviations, choices, contacts."""

from __future__ import annotations

from typing import Final

from bs4.element import NavigableString, Tag

from vital_shared.retrieval.ingest.contact_links import contact_of
from vital_shared.retrieval.ingest.letter_forms import lowered, raised, struck

__all__ = ["spell_out"]

_INLINE: Final = ["sup", "sub", "del", "s", "strike", "rt", "abbr", "select", "input", "textarea", "q", "a"]
_TYPED: Final = frozenset({"text", "number", "date", "time", "month", "week", "email", "tel", "url", ""})

MAX_CHOICES: Final = 30
"""Choices of a list that are read; of longer ones, such as countries and years, only what is chosen is."""


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
    options = tag.find_all("option")
    chosen = [option for option in options if option.has_attr("selected")]
    read = options if len(options) <= MAX_CHOICES else chosen
    choices = [_choice(option, is_marked=option in chosen and len(read) > len(chosen)) for option in read]
    tag.replace_with(NavigableString(f" {', '.join(filter(None, choices))} "))


def _choice(option: Tag, *, is_marked: bool) -> str:
    text = " ".join(option.get_text().split())
    return f"[x] {text}" if is_marked and text else text


def _fill_in(tag: Tag) -> None:
    kind, value = str(tag.get("type", "")).lower(), str(tag.get("value", "")).strip()
    if kind in _TYPED and value:
        tag.replace_with(NavigableString(f" {value} "))
    elif kind in {"checkbox", "radio"}:
        tag.replace_with(NavigableString(" [x] " if tag.has_attr("checked") else " [ ] "))


def _type_in(tag: Tag) -> None:
    tag.replace_with(NavigableString(f" {tag.get_text().strip()} "))


def _quote(tag: Tag) -> None:
    if tag.get_text(strip=True):
        tag.insert(0, NavigableString("\u201c"))
        tag.append(NavigableString("\u201d"))


def _address(tag: Tag) -> None:
    shown = tag.get_text().strip()
    if contact := contact_of(str(tag.get("href", "")), shown):
        tag.append(NavigableString(f" ({contact})" if shown else f" {contact} "))


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
    "textarea": _type_in,
    "q": _quote,
    "a": _address,
}
