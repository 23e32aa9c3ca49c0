"""Words that stand for what a page shows and that is no text: pictures and formulas."""

from __future__ import annotations

import re
from typing import Final

from bs4.element import NavigableString, Tag

__all__ = ["FILE_NAME", "text_instead"]

FILE_NAME: Final = re.compile(r"\S+\.(?:png|jpe?g|gif|svg|webp|avif|bmp|emf|wmf|tiff?)", re.IGNORECASE)
"""The name of a picture, which programs write where words should stand for it."""

_PAIRS: Final = {"msup": "^", "msub": "_", "mfrac": "/", "mover": "^", "munder": "_"}
MAX_SVG_TEXTS: Final = 1_000
"""Words and numbers of a drawing that are read."""

MAX_DEPTH: Final = 60
"""Elements of a formula within each other; what is nested deeper is read as plain text."""


def text_instead(tag: Tag) -> str | None:
    """Return the words for a picture or a formula; None for any other element."""
    if tag.name == "math":
        return f" {_formula(tag)} "
    if tag.name == "script" and str(tag.get("type", "")).lower().startswith("math/tex"):
        return f" {tag.get_text().strip()} "
    if tag.name == "img":
        return _alternative(tag)
    if tag.name == "svg" or str(tag.get("role", "")).lower() == "img":
        title = tag.find("title") if tag.name == "svg" else None
        written = " ".join(each.get_text(" ") for each in tag.find_all("text", limit=MAX_SVG_TEXTS))
        label = written or str(tag.get("aria-label", "")) or (title.get_text() if title else "")
        return f" {label} " if label.strip() else None
    return None


def _alternative(tag: Tag) -> str:
    text = " ".join(str(tag.get("alt", "")).split())
    hidden = tag.has_attr("hidden") or str(tag.get("aria-hidden", "")).lower() == "true"
    if not text or hidden or FILE_NAME.fullmatch(text):
        return ""
    figure = tag.find_parent("figure")
    caption = figure.find("figcaption") if figure else None
    return "" if caption and text in " ".join(caption.get_text().split()) else f" {text} "


def _formula(tag: Tag) -> str:
    """Return a formula's own source where it has one, else its parts in a line."""
    source = tag.find(["annotation"], encoding=re.compile("tex", re.IGNORECASE))
    text = source.get_text() if source else str(tag.get("alttext", "")) or _inline(tag, 0)
    return " ".join(text.split())


def _inline(tag: Tag, depth: int) -> str:
    if depth > MAX_DEPTH:
        return tag.get_text(" ")
    if tag.name in {"annotation", "annotation-xml"}:
        return ""
    parts = [
        _inline(child, depth + 1) if isinstance(child, Tag) else str(child)
        for child in tag.contents
        if isinstance(child, Tag) or (type(child) is NavigableString and child.strip())
    ]
    if tag.name in _PAIRS and len(parts) == 2:
        return _PAIRS[tag.name].join(_grouped(part) for part in parts)
    if tag.name == "msubsup" and len(parts) == 3:
        return f"{_grouped(parts[0])}_{_grouped(parts[1])}^{_grouped(parts[2])}"
    if tag.name == "msqrt":
        return f"√({' '.join(parts)})"
    return " ".join(part for part in parts if part)


def _grouped(part: str) -> str:
    return f"({part})" if " " in part.strip() else part.strip()
