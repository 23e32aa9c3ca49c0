"""Which parts of a page are its content."""

from __future__ import annotations

import re

from bs4.element import Tag

__all__ = ["is_shown"]

_SKIPPED_NAMES = """
    head nav aside script style template noscript svg math canvas iframe object embed audio
    video map button select input textarea dialog
"""
_SKIPPED = frozenset(_SKIPPED_NAMES.split())
_SKIPPED_ROLES = frozenset(
    {"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog"}
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

# Consent alone will not do: informed consent is a subject of its own.
_COOKIES = re.compile(
    r"cookie[-_]?(?:banner|bar|box|consent|dialog|law|message|modal|notice|notification|overlay|popup|prompt|wall)"
    r"|(?:gdpr|consent)[-_]?(?:banner|bar|dialog|manager|modal|notice|overlay|popup)"
    r"|cookiebot|onetrust|usercentrics|didomi|truste[-_]",
    re.IGNORECASE,
)


def is_shown(tag: Tag, *, in_article: bool) -> bool:
    """Tell whether a reader of the page sees this element, and reads it as content.

    :param in_article: where a header or footer is not the page's but holds headings and notes.
    """
    if tag.name in {"html", "body"}:  # hidden until a script has run, or classed for the banner that is shown
        return True
    if tag.name in _SKIPPED or str(tag.get("role", "")).lower() in _SKIPPED_ROLES:
        return False
    if tag.name in {"header", "footer"} and not in_article:
        return False
    return not _is_hidden(tag) and not _is_cookie_banner(tag)


def _is_hidden(tag: Tag) -> bool:
    hidden = tag.has_attr("hidden") or str(tag.get("aria-hidden", "")).lower() == "true"
    return hidden or _HIDDEN.search(str(tag.get("style", ""))) is not None


def _is_cookie_banner(tag: Tag) -> bool:
    if tag.name in {"main", "article"}:  # classed for the banner that is shown above them
        return False
    names = f"{tag.get('id')} {tag.get('class')}"
    return _COOKIES.search(names) is not None
