"""HTML: the main content of a page, without what stands around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bs4 import BeautifulSoup
from bs4.dammit import EncodingDetector
from bs4.element import NavigableString, PageElement, Tag, TemplateString

from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.html_inline import spell_out
from vital_shared.retrieval.ingest.html_instead import text_instead
from vital_shared.retrieval.ingest.html_lists import OrderedList
from vital_shared.retrieval.ingest.html_table import add_table, layout_tables
from vital_shared.retrieval.ingest.html_visible import Visibility

__all__ = ["add_html", "parse_html"]

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCK_NAMES = """
    address article aside blockquote body caption center dd details dialog div dl dt fieldset
    figcaption figure footer form header hr html legend li main noscript ol p section summary table
    tbody td template tfoot th thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_ROLES: Final = {
    "table": "table",
    "grid": "table",
    "treegrid": "table",
    "rowgroup": "tbody",
    "row": "tr",
    "columnheader": "th",
    "rowheader": "th",
    "cell": "td",
    "gridcell": "td",
}
"""Roles of elements (WAI-ARIA 1.2), and the elements that have them by their names."""

MIN_ARTICLE_SHARE: Final = 0.5
"""The share of a page's text from which on the only article is read alone."""

_TEXTS = (NavigableString, TemplateString)


def parse_html(data: bytes, *, uri: str, charset: str | None = None) -> Parsed:
    """Read the main content of a page: ``main`` or the only ``article``, else all of the body.

    :raises IngestError: when it is not text.
    """
    page = _soup(decode(data, uri=uri, declared=charset or _declared(data)))
    outline = Outline()
    visible = Visibility(page)
    main = _main(page)
    _TreeReader(outline, visible).read(main)
    for dialog in _kept_outside(page, main):
        _TreeReader(outline, visible).read(dialog)
    return outline.finish(title=_title(page, outline), uri=uri)


def add_html(outline: Outline, html: str) -> None:
    """Add a piece of HTML, as Markdown may hold it, to an outline."""
    page = _soup(html)
    _TreeReader(outline, Visibility(page)).read(page)


def _declared(data: bytes) -> str | None:
    """Return the encoding that a page names itself; a page that can be read for it is not in UTF-16."""
    label = EncodingDetector.find_declared_encoding(data[:4096], is_html=True)
    return "utf-8" if label and label.lower().startswith("utf-16") else label


def _kept_outside(page: Tag, main: Tag) -> list[Tag]:
    """Return the dialogs, the notes and the footers that a page keeps beside its main part."""
    roles = ["dialog", "alertdialog", "alert", "note", "contentinfo"]
    kept = page.find_all(["dialog", "aside", "footer"]) + page.find_all(role=roles)
    inside = set(map(id, [main, *kept]))
    return [each for each in kept if main is not page and inside.isdisjoint(map(id, each.parents))]


def _soup(html: str) -> BeautifulSoup:
    # Without the doctype Beautiful Soup warns of text that looks like a file name, and with an XML
    # declaration that it is not an XML parser. Python's own parser takes minutes for some 100 kB.
    page = BeautifulSoup("<!doctype html>" + re.sub(r"<\?xml[^>]{0,500}>", "", html), "lxml")
    spell_out(page)
    _name_table_parts(page)
    return page


def _name_table_parts(page: Tag) -> None:
    """Give the parts of tables that are tables by their roles alone the names of such parts."""
    for tag in page.find_all(["div", "span", "section", "ul", "ol", "li", "p"], role=list(_ROLES)):
        tag.name = _ROLES[str(tag["role"])]


def _main(page: BeautifulSoup) -> Tag:
    main = page.find("main") or page.find(role="main")
    articles = page.find_all("article", limit=2)
    if main is None and len(articles) == 1 and _is_most_of(articles[0], page):
        main = articles[0]
    has_text = isinstance(main, Tag) and main.get_text(strip=True)
    return main if isinstance(main, Tag) and has_text else page


def _is_most_of(article: PageElement, page: Tag) -> bool:
    """Return whether an article is most of a page; links and the margins of the page do not count."""
    around = page.find_all(["nav", "header", "footer", "aside", "head", "script", "style", "a", "form"])
    inside = set(map(id, article.descendants)) if isinstance(article, Tag) else set()
    margins = sum(len(each.get_text(strip=True)) for each in _outermost(around) if id(each) not in inside)
    own = len(article.get_text(strip=True))
    return own >= MIN_ARTICLE_SHARE * (len(page.get_text(strip=True)) - margins)


def _outermost(tags: Sequence[Tag]) -> list[Tag]:
    ids = set(map(id, tags))
    return [tag for tag in tags if ids.isdisjoint(map(id, tag.parents))]


def _title(page: BeautifulSoup, outline: Outline) -> str:
    """Return the page's title; the main heading alone where the title only adds the site's name to it."""
    title = " ".join(page.title.get_text().split()) if page.title else ""
    heading = outline.top_heading
    return heading if heading and heading.casefold() in title.casefold() else title


class _TreeReader:
    """A walk through a tree without recursion, since pages may be nested deeper than Python's stack."""

    def __init__(self, outline: Outline, visible: Visibility) -> None:
        self._outline = outline
        self._visible = visible
        self._text: list[str] = []
        self._heading = 0
        self._items = 0
        self._articles = 0
        self._lists: list[OrderedList | None] = []
        self._lead = self._term = ""
        self._layout: set[int] = set()

    def read(self, root: Tag) -> None:
        self._layout = layout_tables(root)
        stack: list[tuple[PageElement, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if isinstance(node, Tag):
                if leaving:
                    self._leave(node)
                elif (instead := text_instead(node)) is not None:
                    self._text.append(instead)
                elif node.name == "iframe" and node.has_attr("srcdoc"):
                    stack.append((_soup(str(node["srcdoc"])), False))
                elif self._is_shown(node) and self._enter(node):
                    stack.append((node, True))
                    stack.extend((child, False) for child in reversed(node.contents))
            elif (
                isinstance(node, NavigableString) and type(node) in _TEXTS
            ):  # comments and the like are subclasses
                self._text.append(re.sub(r"\s+", " ", node))
        self._flush()
        if self._lead.strip():
            self._outline.add("paragraph", self._lead)

    def _is_shown(self, tag: Tag) -> bool:
        return self._visible.is_shown(tag, in_article=self._articles > 0)

    def _enter(self, tag: Tag) -> bool:
        """Handle the start of an element, and return whether to go into it."""
        if tag.name in _BLOCKS or tag.name in _HEADINGS or tag.name == "pre":
            self._flush()
        match tag.name:
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                self._heading = _HEADINGS[tag.name]
            case "ol" | "ul":
                self._lists.append(OrderedList(tag) if tag.name == "ol" else None)
            case "li":
                self._enter_item(tag)
            case "dd":
                self._items += 1
                self._lead = self._term = self._lead or self._term
            case "article" | "main":
                self._articles += 1
            case "br":
                self._text.append("\n")
            case "pre":
                self._outline.add("code", tag.get_text())
                return False
            case "table" if id(tag) not in self._layout:
                add_table(self._outline, tag, self._visible)
                return False
        return True

    def _enter_item(self, tag: Tag) -> None:
        self._items += 1
        if self._lists and (ordered := self._lists[-1]) is not None:
            self._lead = f"{ordered.mark(tag)} "

    def _leave(self, tag: Tag) -> None:
        if tag.name == "dt":
            self._lead = "".join([self._lead, *self._text]).strip() + ": "
            self._text.clear()
        elif tag.name == "summary" or (
            tag.name in _HEADINGS and tag.find("button")
        ):  # the question of an answer that opens below it
            self._lead = _as_lead(" ".join([self._lead.strip(), *"".join(self._text).split()]).lstrip())
            self._text.clear()
            self._heading = 0
        elif tag.name in _BLOCKS or tag.name in _HEADINGS:
            self._flush()
        match tag.name:
            case "ol" | "ul":
                self._lists.pop()
            case "li" | "dd":
                self._items -= 1
                self._lead = ""
            case "article" | "main":
                self._articles -= 1
            case "dl" if self._lead:
                self._outline.add("paragraph", self._lead)
                self._lead = ""

    def _flush(self) -> None:
        text = "".join(self._text).strip()
        self._text.clear()
        if text and self._heading:
            self._outline.heading(self._heading, text)
        elif text:
            self._outline.add("item" if self._items else "paragraph", self._lead + text)
            self._lead = ""
        self._heading = 0


def _as_lead(text: str) -> str:
    return text if not text else f"{text} " if text.endswith(("?", "!", ".", ":")) else f"{text}: "
