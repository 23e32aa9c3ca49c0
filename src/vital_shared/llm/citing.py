"""The citations of a text that a model writes, resolved while it streams.

What is no marker comes out as it is, as soon as it is plain that it is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from vital_shared.llm.base import CitationRemoved, Cited, TextDelta
from vital_shared.models.citation import Citation, Passage
from vital_shared.retrieval.sentences import split
from vital_shared.retrieval.words import content_words, numbers

__all__ = ["Citer"]

Event = TextDelta | Cited | CitationRemoved

_NUMBERS = r"\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*"
_WIDE = rf"\u3010(?P<wide>{_NUMBERS})(?:\u2020[^\u3011\n]{{0,60}})?\u3011"
_MARKER: Final = re.compile(rf"(?P<space>(?:(?<![ \t])[ \t]++)?)(?:\[\^?(?P<plain>{_NUMBERS})\]|{_WIDE})")
_LINK: Final = re.compile(r"(?P<image>!?)\[(?P<text>[^\[\]\n]{0,300})\]\((?P<target>[^()\n]{0,2000})\)")
_OPEN: Final = re.compile(
    r"(?:!?[ \t]{0,100}(?:\[\^?[\d\s,;\u2013-]{0,40}|\u3010[^\u3011\n]{0,80})"  # half a marker
    r"|[ \t]{0,100}!?\[[^\[\]\n]{0,300}(?:\](?:\([^()\n]{0,2000})?)?"  # half a link, or what may become one
    r"|[ \t]{1,100}|!)\Z"
)
_RANGE: Final = re.compile(r"(\d{1,3})\s*[\u2013-]\s*(\d{1,3})")
_MAX_RANGE_NUMBERS: Final = 20
_HALF_CHARACTERS: Final = 2_600
"""The longest beginning of a marker or a link that is waited for."""
_TAIL: Final = 600
"""Characters of what was written that a quote is chosen by."""


class Citer:
    """The citations of one text, as it is streamed.

    A number is cited by an event before the text that uses it, once. A number that no source has is taken
    out, which an event says once. Pictures and links that the model makes up are shown as their text: nobody
    should fetch them.

    :param sources: the sources of the numbers, from 1.
    """

    def __init__(self, sources: Sequence[Passage]) -> None:
        self._sources = sources
        self._known_targets = {passage.uri for passage in sources if passage.uri}
        self._pending = ""
        self._tail = ""
        self._in_code = False
        self.cited: set[int] = set()
        """The numbers that were used."""
        self._removed: set[int] = set()

    def feed(self, text: str) -> Iterator[Event]:
        """Take a piece of the text, and give what has become plain of it."""
        self._pending += text
        if "[" not in self._pending and "\u3010" not in self._pending and self._pending[-1:] not in " \t!":
            ready, self._pending = self._pending, ""  # the usual piece
        else:
            whole = max((link.end() for link in _LINK.finditer(self._pending)), default=0)
            half = _OPEN.search(self._pending, max(whole, len(self._pending) - _HALF_CHARACTERS))
            end = half.start() if half else len(self._pending)
            ready, self._pending = self._pending[:end], self._pending[end:]
        yield from _joined(self._write(ready))

    def end(self) -> Iterator[Event]:
        """Give what is left."""
        ready, self._pending = self._pending, ""
        yield from _joined(self._write(ready))

    def _write(self, text: str) -> Iterator[str | Event]:
        """Resolve the markers of a text that no marker crosses the ends of; what stays text is a `str`."""
        for piece in _between_links(text, self._known_targets):
            begin = 0
            for marker in _MARKER.finditer(piece):
                yield self._text(piece[begin : marker.start()])
                begin = marker.end()
                if self._in_code:
                    yield self._text(marker.group())
                else:
                    yield from self._resolved(marker)
            yield self._text(piece[begin:])

    def _text(self, text: str) -> str:
        if "`" in text or "![" in text:
            parts = text.split("`")
            for index, part in enumerate(parts):
                if self._in_code == (
                    index % 2 == 1
                ):  # no code: a picture with its address elsewhere is a link
                    parts[index] = part.replace("![", "[")
            text = "`".join(parts)
            self._in_code ^= len(parts) % 2 == 0
        if text:
            self._tail = (self._tail + text)[-_TAIL:]
        return text

    def _resolved(self, marker: re.Match[str]) -> Iterator[str | Event]:
        known: list[int] = []
        for number in _listed(marker["plain"] or marker["wide"]):
            if 1 <= number <= len(self._sources):
                known.append(number)
            elif number not in self._removed:
                self._removed.add(number)
                yield CitationRemoved(marker=f"[{number}]")
        for number in known:
            if number not in self.cited:
                self.cited.add(number)
                yield Cited(citation=self._citation(number))
        if known:
            space = marker["space"] or (" " if self._tail.endswith("!") else "")  # "![1]" would be a picture
            yield self._text(space + "".join(f"[{number}]" for number in known))

    def _citation(self, number: int) -> Citation:
        passage = self._sources[number - 1]
        return passage.cite(number, _quote(passage.text, self._tail))


def _joined(parts: Iterable[str | Event]) -> Iterator[Event]:
    """Make one piece of the text between two other events."""
    texts: list[str] = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        if text := "".join(texts):
            yield TextDelta(text=text)
        texts.clear()
        yield part
    if text := "".join(texts):
        yield TextDelta(text=text)


def _between_links(text: str, known: Iterable[str]) -> Iterator[str]:
    """Give the text, links and pictures replaced by their text, unless a source has their target."""
    begin = 0
    for link in _LINK.finditer(text):
        if not link["image"] and link["target"] in known:
            continue
        yield text[begin : link.start()]
        yield f"[{link['text']}]" if link["text"].isdigit() else link["text"]
        begin = link.end()
    yield text[begin:]


def _listed(text: str) -> list[int]:
    """Read "1, 3-5" as 1, 3, 4, 5; a range that is too long as its ends."""
    if text.isdigit():
        return [int(text)]
    found: list[int] = []
    for part in re.split(r"[,;]", text):
        bounds = [int(number) for number in re.findall(r"\d+", part)]
        is_range = _RANGE.search(part) and 0 < bounds[-1] - bounds[0] <= _MAX_RANGE_NUMBERS
        found += range(bounds[0], bounds[-1] + 1) if is_range else bounds
    return list(dict.fromkeys(found))


def _quote(text: str, written: str) -> str:
    """Return the sentence of a passage that has most of the words and numbers of what was just written."""
    said = [sentence for sentence in split(written) if content_words(_MARKER.sub("", sentence))]
    last = said[-1] if said else written
    words, figures = content_words(last), numbers(last)

    def likeness(sentence: str) -> int:
        return len(words & content_words(sentence)) + 2 * len(figures & numbers(sentence))

    sentences = [sentence.strip() for sentence in split(text) if sentence.strip()]
    return max(sentences, key=likeness, default=text.strip())
