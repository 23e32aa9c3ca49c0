"""Markdown: CommonMark with tables and front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from vital_shared.retrieval.ingest.blocks import Outline, Parsed
from vital_shared.retrieval.ingest.contact_links import contact_of
from vital_shared.retrieval.ingest.decode import decode
from vital_shared.retrieval.ingest.from_html import add_html
from vital_shared.retrieval.ingest.from_text import read_text
from vital_shared.retrieval.ingest.header_rows import Cell
from vital_shared.retrieval.ingest.letter_forms import LetterForm, Written, spelt_out
from vital_shared.retrieval.ingest.tables import table_lines

__all__ = ["parse_markdown"]

# What is nested deeper than its limit the parser drops, so Python's own limit comes first.
_markdown = MarkdownIt("commonmark", {"maxNesting": 1_000_000}).enable(["table", "strikethrough"])

_FRONT_MATTER = re.compile(
    r"\A(?P<fence>---|\+\+\+)[ \t]*\n(?=[\w-]+[ \t]*[:=])(?P<fields>.*?)^(?P=fence)[ \t]*(?:\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(?P<title>.*)$", re.MULTILINE | re.IGNORECASE)

_FORMS: Final[dict[str, LetterForm]] = {
    "sup": "raised",
    "sub": "lowered",
    **dict.fromkeys(("del", "s", "strike"), "struck"),
}
_FORM_TAG: Final = re.compile(rf"<(?P<end>/?)(?P<name>{'|'.join(_FORMS)})\b[^>]*>", re.IGNORECASE)


def parse_markdown(data: bytes, *, uri: str, charset: str | None = None) -> Parsed:
    """Read Markdown; front matter gives the title and is not part of the text.

    :raises IngestError: when it is not text.
    """
    text = decode(data, uri=uri, declared=charset).replace("\r\n", "\n").replace("\r", "\n")
    title = ""
    if front := _FRONT_MATTER.match(text):
        found = _TITLE.search(front["fields"])
        title = found["title"].strip().strip("\"'") if found else ""
        text = text[front.end() :]
    outline = Outline()
    try:
        _add(_markdown.parse(text), outline)
    except RecursionError:  # nested far deeper than any author would: its words still count
        return read_text(text, uri=uri, title=title)
    return outline.finish(title=title, uri=uri)


def _add(tokens: Sequence[Token], outline: Outline) -> None:
    """Give headings, paragraphs, items, code and tables to the outline, in their order."""
    depth, number = 0, ""
    walk = iter(_with_whole_html(tokens))
    for token in walk:
        match token.type:
            case "heading_open":
                outline.heading(int(token.tag[1]), _text(next(walk)))
            case "list_item_open":
                depth, number = depth + 1, f"{token.info}. " if token.info else ""
            case "list_item_close":
                depth, number = depth - 1, ""
            case "inline":
                text = _text(token)
                outline.add("item" if depth else "paragraph", number + text if text.strip() else "")
                number = ""
            case "fence" | "code_block":
                outline.add("code", token.content)
            case "table_open":
                _add_table(walk, outline)
            case "html_block":
                add_html(outline, token.content)


def _with_whole_html(tokens: Sequence[Token]) -> Iterator[Token]:
    """Join neighbouring blocks of HTML: a table with empty lines in it is several of them."""
    for is_html, group in groupby(tokens, key=lambda token: token.type == "html_block"):
        if is_html:
            yield Token("html_block", "", 0, content="".join(token.content for token in group))
        else:
            yield from group


def _add_table(walk: Iterator[Token], outline: Outline) -> None:
    rows: list[list[str]] = []
    for token in walk:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_text(token))
    for line in table_lines([[Cell(text) for text in row] for row in rows], 1):
        outline.add("row", line)


def _text(inline: Token) -> str:
    """Return the words of a paragraph: without marks and HTML tags, pictures as their words.

    Of links only the addresses by which one calls or writes to somebody are read.
    """
    form: LetterForm = "plain"
    pieces: list[Written] = []
    href, first = "", 0
    for token in inline.children or ():
        if token.type in {"s_open", "s_close"}:
            form = "struck" if token.type == "s_open" else "plain"
        elif token.type == "html_inline" and (tag := _FORM_TAG.fullmatch(token.content)):
            form = "plain" if tag["end"] else _FORMS[tag["name"].lower()]
        elif token.type == "link_open":
            href, first = str(token.attrs.get("href", "")), len(pieces)
        elif token.type == "link_close":
            contact = contact_of(href, "".join(piece.text for piece in pieces[first:]))
            pieces.append(Written(f" ({contact})" if contact else "", form))
        else:
            pieces.append(Written(_inline_text(token), form))
    return spelt_out(pieces)


def _inline_text(token: Token) -> str:
    match token.type:
        case "text" | "code_inline":
            return token.content
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "html_inline":
            return "\n" if token.content.lower().startswith("<br") else ""
        case "image":
            words = "".join(map(_inline_text, token.children or ()))
            return words if len(words.split()) > 1 else ""  # one word is a logo, or the name of a file
        case _:
            return ""
