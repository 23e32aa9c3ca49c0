"""Citations for a model that is too small to write them: sentence by sentence, of what plainly backs it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vital_shared.llm.groundedness import WORDS_BACKED, overlap
from vital_shared.models.citation import Passage
from vital_shared.retrieval.words import content_words

__all__ = ["Attribution"]

_MARKER: Final = re.compile(r"\[\d")


class Attribution:
    """The attribution of a streamed text: puts [n] behind sentences without one that the nth source backs.

    A sentence of which no source has all numbers, all names and most words stays as it is, and the check of
    the answer marks it.

    :param sources: in the order of their numbers.
    """

    def __init__(self, sources: Sequence[Passage]) -> None:
        self._sources = [f"{each.title} {each.section} {each.text}" for each in sources]
        self._sentence = ""
        self._gap = ""
        """White space behind a sentence: a marker of the model's own may still follow it."""

    def feed(self, text: str) -> str:
        """Take a piece of the text, and return what may be shown of it."""
        shown = ""
        for part in re.split(r"(\s+)", text):
            if part.isspace():
                shown += self._space(part)
            elif part:
                shown += self._word(part)
        return shown

    def end(self) -> str:
        """Return what is left."""
        return self._marker() + self._gap

    def _space(self, space: str) -> str:
        if self._gap or "\n" in space or self._sentence.rstrip("\"'\u201d)*_").endswith((".", "!", "?")):
            self._gap += space
            return ""
        self._sentence += space
        return space

    def _word(self, word: str) -> str:
        before = ""
        if self._gap:
            word = self._gap[len(self._gap.rstrip("[")) :] + word
            before, self._gap = self._gap.rstrip("["), ""
            if word == "[":  # perhaps a marker's beginning
                self._gap = before + word
                return ""
            if _MARKER.match(word):  # the model has cited by itself
                self._sentence = ""
                return before + word
            before = self._marker() + before
        self._sentence += word
        return before + word

    def _marker(self) -> str:
        """Return the citation of the sentence that has ended, if there is one to add."""
        sentence, self._sentence = self._sentence, ""
        if _MARKER.search(sentence) or len(content_words(sentence)) < 2:
            return ""
        shares = [overlap(sentence, source) for source in self._sources]
        best = max(shares, default=0.0)
        return f" [{shares.index(best) + 1}]" if best >= WORDS_BACKED else ""
