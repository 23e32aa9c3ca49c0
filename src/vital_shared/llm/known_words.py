"""The words of a text, looked up as a reader would: other endings, slips of typing and other words count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property

from vital_shared.retrieval.words import content_words, numbers, spelt_numbers

__all__ = ["KnownWords", "content_word_list", "is_code", "words_of"]

MIN_STEM_CHARACTERS = 5
"""Letters that two words must share from their beginning to be forms of one."""

MIN_TYPO_CHARACTERS = 4
"""Letters of a word from which one may be mistyped."""

MIN_NAME_CHARACTERS = 4
"""Letters of a name from which another may look like it."""

_WORD = re.compile(r"[^\W_]+")
_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?:;]))[ \t]*(?:[-*] |\d+\. )?[A-Z][a-z]+(?= [a-z])", re.MULTILINE)
"""A word that any sentence would write with a capital; "Brook 300" is no such."""

_ADDRESS = re.compile(r"\S+@\S+|https?://\S+")

_SAME_THING = (
    "cost price fee charge pay paid fine penalty rent expensive cheap tax money budget",
    "weigh weight heavy mass kg",
    "loud noise sound quiet db",
    "fast speed quick rpm knots",
    "telephone phone number call",
    "allow permit may can forbidden prohibited ban",
    "begin start commence since",
    "end finish stop until over",
    "buy purchase sell sold sale",
    "big large size great",
    "boss head chief leader manager director chair master",
    "child children kid kids son daughter",
    "repair fix mend broken defect wrong damage",
    "person people persons visitor somebody",
    "reach contact telephone email",
    "maximum most highest limit upper",
    "minimum least lowest older",
    "annual year yearly",
    "deadline until by latest",
    "document form paper",
    "firm company business",
    "staff employee worker",
    "holiday vacation leave",
    "store keep stored kept storage",
    "build built construct erected",
    "delete erase remove",
    "join sign register enrol",
    "lost lose missing gone",
    "manufacture made make produce manufacturer maker",
)
"""Words that documents and the questions about them use for the same thing."""


def words_of(text: str) -> list[str]:
    """Return a text's words, in their order, in lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def content_word_list(text: str) -> list[str]:
    """Return the words that carry meaning, each once, in their order, with their endings."""
    return [
        word
        for word in dict.fromkeys(words_of(text))
        if content_words(word) and (len(word) > 1 or word.isdigit())
    ]


def is_code(word: str) -> bool:
    """Return whether a word has letters and digits, as "D204" has."""
    return any(map(str.isdigit, word)) and any(map(str.isalpha, word))


class KnownWords:
    """The words of a text, and what they let one look up.

    :param text: the text of documents.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = frozenset(words_of(text))
        self._stems = content_words(text)
        self._joined = "".join(words_of(text))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers in digits and in words."""
        return numbers(self.text) | spelt_numbers(self.text) | {word for word in self.words if word.isdigit()}

    @cached_property
    def names(self) -> frozenset[str]:
        """Words that the text always writes with a capital: what a reader would not take for a slip."""
        text = _ADDRESS.sub(" ", self.text)
        small = {word for word in _WORD.findall(text) if word.islower()}
        capital = {
            match.group().lower()
            for match in _WORD.finditer(_SENTENCE_START.sub(" ", text))
            if match.group()[0].isupper()
        }
        return frozenset(word for word in capital - small if len(word) >= MIN_NAME_CHARACTERS)

    @cached_property
    def _own_things(self) -> frozenset[int]:
        return frozenset(thing for stem in self._stems for thing in _things().get(stem, ()))

    def has_exactly(self, word: str) -> bool:
        """Return whether the text has a word, with another ending at most, or within a longer one."""
        return (
            word in self.words
            or bool(content_words(word) & self._stems)
            or (len(word) >= MIN_TYPO_CHARACTERS and word in self._joined)
        )

    def spells_out(self, acronym: str) -> bool:
        """Return whether words that follow each other begin with the letters of an acronym: "AGM"."""
        return acronym in self._initials

    @cached_property
    def _initials(self) -> str:
        words = words_of(self.text)
        of_content = [word for word in words if content_words(word)]
        return "".join(word[0] for word in words) + " " + "".join(word[0] for word in of_content)

    def has(self, word: str) -> bool:
        """Return whether the text has a word, mistyped or in other words too; names and codes exactly."""
        if self.has_exactly(word):
            return True
        if word.isdigit():
            return word in self.numbers
        if is_code(word):
            return False
        stem = next(iter(content_words(word)), word)
        return bool(
            self._own_things.intersection(_things().get(stem, ()))
            or self._has_form_of(stem)
            or self._has_typo(word)
        )

    def looks_like(self, word: str) -> bool:
        """Return whether a word that the text lacks differs in a letter or two from a name or code in it."""
        if is_code(word):
            return any(is_code(other) and _near(word, other, 2) for other in self.words)
        if len(word) < MIN_NAME_CHARACTERS:
            return False
        distance = 1 if len(word) < 6 else 2 if len(word) < 9 else 3
        return any(_near(word, other, distance) for other in self.names)

    def _has_form_of(self, stem: str) -> bool:
        if len(stem) < MIN_STEM_CHARACTERS:
            return False
        beginning = stem[: max(MIN_STEM_CHARACTERS, len(stem) - 2)]
        return any(other.startswith(beginning) and other not in self.names for other in self._stems)

    def _has_typo(self, word: str) -> bool:
        if len(word) < MIN_TYPO_CHARACTERS:
            return False
        distance = 1 if len(word) < 8 else 2
        return any(
            _near(word, other, distance)
            for other in self.words
            if other not in self.names and not other.isdigit()
        )


def _by_word(groups: Iterable[str]) -> Iterator[tuple[str, int]]:
    for number, group in enumerate(groups):
        for stem in content_words(group):
            yield stem, number


@cache  # with the first question: the words' language has to be looked at
def _things() -> Mapping[str, frozenset[int]]:
    things: dict[str, frozenset[int]] = {}
    for stem, number in _by_word(_SAME_THING):
        things[stem] = things.get(stem, frozenset()) | {number}
    return things


def _near(one: str, other: str, most: int) -> bool:
    """Return whether two words differ by at most `most` letters changed, added, left out or swapped.

    The optimal string alignment distance, for words that begin or end alike.
    """
    if abs(len(one) - len(other)) > most or not (one[0] == other[0] or one[-1] == other[-1]):
        return False
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        current = [row]
        for column, wanted in enumerate(other, start=1):
            cost = min(last[column], current[-1]) + 1
            cost = min(cost, last[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        if min(current) > most:
            return False
        before, last = last, current
    return last[-1] <= most
