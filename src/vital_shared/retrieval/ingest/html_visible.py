"""The content of a page: the parts that a reader sees, at first or after a click."""

from __future__ import annotations

import re
from itertools import islice, takewhile
from typing import Final

from bs4.element import NavigableString, PageElement, Tag

__all__ = ["Visibility"]

_SKIPPED_NAMES: Final = """
    head nav script style iframe embed map select input textarea svg math
"""
_SKIPPED: Final = frozenset(_SKIPPED_NAMES.split())
_SKIPPED_ROLES: Final = frozenset({"navigation", "banner", "search"})
_OPENED: Final = re.compile(
    r"expand|collaps|accordion|toggle|spoiler|disclosure|\bfaq|\banswer|\btab-?(?:pane|panel|content)",
    re.IGNORECASE,
)
"""Names of classes of parts that a click opens, where no attribute says so."""
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_TRANSPARENT: Final = re.compile(r"(?:^|[;\s])opacity\s*:\s*0?(?:\.0+|0)%?\s*(?:!|;|$)", re.IGNORECASE)
_TINY: Final = re.compile(
    r"(?:^|[;\s])font(?:-size)?\s*:\s*(?:0?\.0+|0)(?:px|pt|r?em|%)?\s*(?:!|;|$)", re.IGNORECASE
)
_APPEARS: Final = re.compile(
    r"anim|fade|reveal|appear|slide|scroll|transform|transition|\baos|data-w-id|wow", re.IGNORECASE
)
"""Names of what a page shows little by little, as its reader comes to it."""

# Consent alone will not do: informed consent is a subject of its own.
_COOKIES: Final = re.compile(
    r"cookie[-_]?(?:banner|bar|box|consent|dialog|law|message|modal|notice|notification|overlay|popup|prompt|wall)"
    r"|(?:gdpr|consent)[-_]?(?:banner|bar|dialog|manager|modal|notice|overlay|popup)"
    r"|cookiebot|onetrust|usercentrics|didomi|truste[-_]",
    re.IGNORECASE,
)

_TOGGLES: Final = ("aria-controls", "data-bs-target", "data-target", "href", "popovertarget", "commandfor")
"""Attributes by which a control names the part of the page that it shows."""

_OPENS: Final = ("aria-expanded", "aria-controls", "data-bs-toggle", "data-toggle")
"""Attributes of a button that opens a part of the text."""

_CONTROL_NAMES: Final = ("button", "summary", "a", "label", "li", "div", "span")
_CONTROL_ROLES: Final = frozenset({"tab", "button"})
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt", "legend", "caption"})
_PLEA: Final = re.compile(r"script|browser|cookies|enable|activate|turn on", re.IGNORECASE)
_NOTES: Final = re.compile(
    r"warn|caution|danger|note|notice|important|alert|callout|admonition|hint|tip\b|info", re.IGNORECASE
)
_PROMOTES: Final = re.compile(
    r"related|recommend|promo|advert|sponsor|newsletter|subscri|social|share|\bads?\b|banner", re.IGNORECASE
)

_CALLS: Final = ("tel:", "mailto:")
_CONTACT: Final = re.compile(
    r"(?<![\w/.-])(?!(?:19|20)\d\d[-/.])\+?\d(?:[ ()/.-]{0,3}\d){6,14}(?![\w/])|[\w.+-]+@[\w-]+\.\w|"
    r"\b\d{1,2}(?:[:.]\d\d)?\s?(?:[ap]m|uhr|h)?\s?(?:[-\u2013]|to|bis)\s?\d{1,2}(?:[:.]\d\d|\s?(?:[ap]m|uhr|h)\b)",
    re.IGNORECASE,
)
"""A telephone number, an address of mail, or hours."""

MAX_LINKED_SHARE: Final = 0.5
"""The share of linked text in an aside that belongs to the page; one with more leads elsewhere."""

MIN_ASIDE_WORDS: Final = 4
"""Words of an aside beside the main part that says something; shorter ones are labels of what is not text."""

MAX_PLEA_CHARACTERS: Final = 300
"""Longer texts for readers without JavaScript are more than a request to turn it on."""

PANEL_DEPTH: Final = 4
"""Elements around a panel that may be hidden in its place."""

CONTROL_DEPTH: Final = 50
"""Elements around a control that are looked at."""
FORMULA_DEPTH: Final = 3

SECTION_DEPTH: Final = 50
"""Elements around a header that are looked at."""

HEADING_DEPTH: Final = 4
"""Elements between a heading and the button that it is."""


class Visibility:
    """The visible part of one page.

    :param root: the page, or a part of it that has what its controls show.
    """

    def __init__(self, root: Tag) -> None:
        self._shown = _controlled(root) | _formulas(root)

    def is_shown(self, tag: Tag, *, in_article: bool) -> bool:
        """Return whether a reader of the page sees this element, and reads it as content.

        :param in_article: whether a header or footer is not the page's but holds headings and notes.
        """
        if tag.name in {
            "html",
            "body",
        }:  # hidden until a script has run, or classed for a banner
            return True
        role = str(tag.get("role", "")).lower()
        is_bare_margin = role == "contentinfo" and not _has_contact(tag)
        if tag.name in _SKIPPED or role in _SKIPPED_ROLES or is_bare_margin:
            return False
        if tag.name in {"header", "footer"} and not in_article and _is_of_page(tag):
            return False
        if tag.name in _SPECIAL and not _SPECIAL[tag.name](tag):
            return False
        if (tag.name == "aside" or role == "complementary") and not _is_note(tag, in_article):
            return False
        return not (self._is_hidden(tag, role) or _is_cookie_banner(tag))

    def _is_hidden(self, tag: Tag, role: str) -> bool:
        if role == "tabpanel" or id(tag) in self._shown:
            return False
        if _OPENED.search(str(tag.get("class"))):
            return False
        if str(tag.get("hidden", "")).lower() == "until-found":
            return False
        hidden = tag.has_attr("hidden") or str(tag.get("aria-hidden", "")).lower() == "true"
        return hidden or _HIDDEN.search(str(tag.get("style", ""))) is not None or _is_invisible(tag)


def _is_invisible(tag: Tag) -> bool:
    """Return whether an element is transparent for good, or its own letters have no size.

    Boxes of such letters are a way to close gaps: what is within them has a size of its own.
    """
    style = str(tag.get("style", ""))
    if _TINY.search(style) is not None and tag.find(True) is None:
        return True
    return (
        _TRANSPARENT.search(style) is not None
        and _APPEARS.search(" ".join(map(str, tag.attrs.items()))) is None
    )


def _controlled(root: Tag) -> frozenset[int]:
    """Return what tabs, accordions and the like show after a click, with what is wrapped around it alone."""
    by_id = {str(tag["id"]): tag for tag in root.find_all(id=True)}
    found: set[int] = set()
    for control in root.find_all(_CONTROL_NAMES):
        for name in _targets(control):
            if name in by_id:
                found.add(id(by_id[name]))
                found.update(map(id, _wrappers(by_id[name], control)))
    return frozenset(found)


def _targets(control: Tag) -> list[str]:
    """Return the ids that a control names."""
    is_control = control.name in {"button", "summary"} or str(control.get("role", "")) in _CONTROL_ROLES
    opens = is_control or any(map(control.has_attr, ("aria-expanded", "data-bs-toggle", "data-toggle")))
    values = (str(control.get(name, "")) for name in (_TOGGLES if opens else ("aria-controls",)))
    return [each.lstrip("#") for value in values for each in value.split()]


def _wrappers(panel: Tag, control: Tag) -> list[Tag]:
    """Return the next elements around a panel that its control is not in."""
    around = set(map(id, islice(control.parents, CONTROL_DEPTH)))
    near = islice(panel.parents, PANEL_DEPTH)
    return list(takewhile(lambda parent: id(parent) not in around, near))


def _formulas(root: Tag) -> frozenset[int]:
    """Return the elements that hold a formula alone, which pages hide behind a picture of it."""
    found: set[int] = set()
    for formula in root.find_all("math"):
        inner: PageElement = formula
        for parent in islice(formula.parents, FORMULA_DEPTH):
            if not _is_only_child(inner, parent):
                break
            found.add(id(parent))
            inner = parent
    return frozenset(found)


def _is_only_child(inner: PageElement, parent: Tag) -> bool:
    """Return whether there is nothing but blanks beside it."""
    return len(parent.contents) <= 3 and all(
        child is inner or (isinstance(child, NavigableString) and not child.strip())
        for child in parent.contents
    )


def _is_button_content(tag: Tag) -> bool:
    """Return whether a button is a heading, or opens a part of the text, and submits nothing."""
    if any(
        tag.has_attr(name) for name in ("aria-expanded", "aria-controls", "data-bs-toggle", "data-toggle")
    ):
        return True
    parents = (parent.name for _, parent in zip(range(HEADING_DEPTH), tag.parents, strict=False))
    return str(tag.get("role", "")) in {"tab", "heading"} or any(name in _HEADINGS for name in parents)


def _is_fallback_content(tag: Tag) -> bool:
    text = tag.get_text(" ", strip=True)
    return len(text) > MAX_PLEA_CHARACTERS or _PLEA.search(text) is None


def _is_shadow_root(tag: Tag) -> bool:
    return tag.has_attr("shadowrootmode") or tag.has_attr("shadowroot")


_SPECIAL: Final = {
    "button": _is_button_content,
    **dict.fromkeys(("noscript", "object", "audio", "video", "canvas"), _is_fallback_content),
    "template": _is_shadow_root,
}
"""Elements that are content under a condition."""


def _is_of_page(tag: Tag) -> bool:
    """Return whether a header or footer is that of the whole page, and names no more than its site."""
    around = (parent.name for parent in islice(tag.parents, SECTION_DEPTH))
    if any(name in {"section", "article", "main"} for name in around):
        return False
    if tag.name == "footer":
        return not _has_contact(tag)
    return tag.find("h1") is None or _leads_elsewhere(tag)


def _has_contact(tag: Tag) -> bool:
    """Return whether a page's footer has an address, a telephone number or hours, and not links alone."""
    text = tag.get_text(" ", strip=True)
    has_facts = tag.find("address") is not None or _CONTACT.search(text) is not None
    return has_facts and not _leads_elsewhere(tag)


def _is_note(tag: Tag, in_article: bool) -> bool:
    """Return whether an aside belongs to the text: it is within it, or does not say what else it is for."""
    names = f"{tag.get('id')} {tag.get('class')} {tag.get('role')} {tag.get('epub:type')}"
    says_more = len(tag.get_text(" ").split()) >= MIN_ASIDE_WORDS and _PROMOTES.search(names) is None
    is_text = in_article or _NOTES.search(names) is not None or says_more
    return is_text and not _leads_elsewhere(tag)


def _leads_elsewhere(tag: Tag) -> bool:
    text = len(tag.get_text("", strip=True))
    links = (link for link in tag.find_all("a") if not str(link.get("href", "")).startswith(_CALLS))
    linked = sum(len(link.get_text("", strip=True)) for link in links)
    return linked > MAX_LINKED_SHARE * text


def _is_cookie_banner(tag: Tag) -> bool:
    if tag.name in {"main", "article"}:  # classed for the banner that is shown above them
        return False
    names = f"{tag.get('id')} {tag.get('class')}"
    return _COOKIES.search(names) is not None
