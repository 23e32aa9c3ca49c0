"""The parts of an answer in Markdown: prose, rows of tables, and what holds no sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Final, Literal, NamedTuple, TypeAlias

from markdown_it import MarkdownIt

from vital_shared.retrieval.sentences import is_item, is_row, without_marker

__all__ = ["MarkdownBlock", "blocks", "is_label", "plain"]

Kind: TypeAlias = Literal["prose", "row", "none"]

_MAY_HAVE_BLOCKS: Final = re.compile(r"`{3}|~{3}|^(?: {4}|\t)|^[ \t>]*[-=|:][-=|: \t]*\r?$", re.MULTILINE)
"""Signs of anything but prose and headings; without one an answer need not be parsed."""

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|$)")
_QUOTE_MARKS: Final = re.compile(r"[ \t>]*>[ \t]*")
_TASK_BOX: Final = re.compile(r"\[[ xX]\][ \t]+")
_EMPHASIS: Final = re.compile(r"\*{1,3}|`+|~~|(?<!\w)_{1,3}|_{1,3}(?!\w)")
_LABEL: Final = re.compile(
    r"(?P<marks>\*\*|__)?[^\W\d][^:.!?\d\n]{0,60}(?::(?P=marks)|(?(marks)(?P=marks):|:))[ \t]+"
)
_BOLD_LINE: Final = re.compile(r"\s*(\*\*|__)[^*_\n]{1,200}[^*_\n.]\1:?\s*")


class MarkdownBlock(NamedTuple):
    """Lines of a text that are of one kind."""

    kind: Kind
    """"row": one row of a table's body; "none": code, a table's head, an underlined heading."""
    start: int
    end: int


def blocks(text: str) -> Iterator[MarkdownBlock]:
    """Split a text by the kind of its lines, as CommonMark and GitHub's tables have it."""
    kinds = _kinds(text) if _MAY_HAVE_BLOCKS.search(text) else {}
    if not kinds and "|" not in text:  # a row would have it
        yield MarkdownBlock("prose", 0, len(text))
        return
    ends = accumulate((len(line) for line in _LINE.findall(text)), initial=0)
    lines = [MarkdownBlock(kinds.get(number, "prose"), *span) for number, span in enumerate(pairwise(ends))]
    for kind, group in groupby(_with_bare_rows(text, lines), key=itemgetter(0)):
        spans = list(group)
        yield from spans if kind == "row" else [MarkdownBlock(kind, spans[0].start, spans[-1].end)]


def _with_bare_rows(text: str, lines: Iterable[MarkdownBlock]) -> Iterator[MarkdownBlock]:
    """Add the rows of tables that lack a head."""
    for line in lines:
        is_bare_row = line.kind == "prose" and is_row(text[line.start : line.end])
        yield line._replace(kind="row") if is_bare_row else line


def plain(sentence: str) -> str:
    """Return a sentence without the marks of quotes, lists and emphasis, and without its item's label."""
    text = _QUOTE_MARKS.sub("", sentence, count=1) if _QUOTE_MARKS.match(sentence) else sentence
    has_label = is_item(text) or text.lstrip().startswith(("**", "__"))
    text = _TASK_BOX.sub("", without_marker(text).lstrip(), count=1)
    if has_label and (label := _LABEL.match(text)):
        text = text[label.end() :] or text
    return _EMPHASIS.sub("", text)


def is_label(sentence: str) -> bool:
    """Return whether a sentence is a line in bold that stands for a heading."""
    return _BOLD_LINE.fullmatch(without_marker(sentence)) is not None


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _kinds(text: str) -> dict[int, Kind]:
    """Return the kind of each line that is no prose, by its number from 0."""
    kinds: dict[int, Kind] = {}
    in_head = False
    for token in _parser().parse(text):
        lines = range(*token.map) if token.map else range(0)
        if token.type in ("fence", "code_block", "table_open"):
            kinds |= dict.fromkeys(lines, "none")
        elif token.type in ("thead_open", "thead_close"):
            in_head = token.type == "thead_open"
        elif token.type == "tr_open" and not in_head:
            kinds |= dict.fromkeys(lines, "row")
        elif token.type == "heading_open" and token.markup in ("=", "-"):
            kinds |= dict.fromkeys(lines, "none")
    return kinds
