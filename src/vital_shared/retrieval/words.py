"""Read the subject of a text off its surface: content words, numbers and names."""

# ruff: noqa: SIM905 (word lists read better as one string)

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from vital_shared.retrieval.language import ENGLISH, language_of
from vital_shared.retrieval.stems import stem, stop_words

__all__ = [
    "KEYWORDS_VERSION",
    "content_words",
    "coverage",
    "dates_and_denials",
    "keyword",
    "names",
    "numbers",
    "opening_name",
    "ordinals",
    "spelt_numbers",
]

KEYWORDS_VERSION = 1
"""The version of `keyword`, to be raised with each change of its results: then the index is built anew."""

KEPT_CHARACTERS = 8_192
"""A longer text is not kept with its words, nor is it met again."""

KEPT_WORD_CHARACTERS = 64
"""A longer word has no ending to be cut."""

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_NUMBER = re.compile(r"(?<![^\W_])\d+(?:[.,]\d+)*")

_STOP_WORDS = frozenset(
    "a about after again all already also am an and any are aren't as at away be because been before "
    "being both but by can cannot could did do does doing don't down during each far few for from "
    "further get gets go goes got had has have having he her here hers him his how i if in into is it "
    "its itself just let like long many may me might more most much must my need next no nor not now of "
    "off often on once one only or other our ours out over own per please same say says shall she "
    "should so some still such take takes tell than that the their theirs them then there these they "
    "this those through to too under until up upon us use used uses using versus very vs want was we "
    "were what when where whether which while who whom whose why will with within without would you "
    "your yours".split()
)

_CLITICS = frozenset("d ll m re s t ve".split())
"""The remainders of "it's", "don't" and their like where words are cut at apostrophes."""

_DAYS_AND_MONTHS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july "
    "august september october november december".split()
)
"""Capitalised, and yet no names."""

_OPENING = re.compile(r"\W*([A-Z][a-z]{2,})(?:['\u2019]s)? ([^\W\d_]+)")
_TITLES = frozenset("doctor miss mister professor prof mrs".split())
_VERBS = frozenset("can could did had has is may might must said should was will would".split())
_NO_NAME_ENDINGS = (
    "age", "al", "ance", "ence", "ing", "ity", "ly", "ment", "ness", "s", "sion", "tion", "ure",
)  # fmt: skip

_DENIALS = frozenset("cannot except neither never no nobody none nor not nothing unless without".split())

_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen".split()
    )
} | {
    word: str(10 * value)
    for value, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety hundred".split(), start=2
    )
}


_ORDINALS = {
    word: str(value)
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), start=1
    )
}


def content_words(text: str) -> frozenset[str]:
    """Return the words that carry meaning, in lower case and without the endings of the text's language."""
    return _kept_content_words(text) if len(text) <= KEPT_CHARACTERS else _content_words(text)


def _content_words(text: str) -> frozenset[str]:
    words = [word.lower().replace("\u2019", "'").removesuffix("'s") for word in _WORD.findall(text)]
    language = language_of(text)
    if language == ENGLISH:
        return frozenset(_stem(word) for word in words if word not in _STOP_WORDS)
    meaningless = stop_words(language)
    return frozenset(stem(word, language) for word in words if word not in meaningless)


_kept_content_words = lru_cache(maxsize=1_024)(_content_words)
"""One question looks at the same passages and sentences several times."""


def keyword(word: str, language: str = ENGLISH) -> str:
    """Return the form by which a single word is indexed and looked up; empty for one that says nothing.

    In lower case, without the marks on its letters and without its ending.
    """
    plain = word.lower()
    if language != ENGLISH:
        return "" if plain in stop_words(language) else _without_marks(stem(plain, language))
    plain = _without_marks(plain)
    return "" if plain in _STOP_WORDS or plain in _CLITICS else _stem(plain)


def _without_marks(word: str) -> str:
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not "\u0300" <= c <= "\u036f")


def coverage(wanted: frozenset[str], text: str) -> float:
    """Return the share of the wanted words that the text has; 1.0 where none is wanted."""
    return len(wanted & content_words(text)) / len(wanted) if wanted else 1.0


def numbers(text: str) -> frozenset[str]:
    """Return the numbers written in digits, with separators of thousands taken out."""
    return frozenset(_plain(number) for number in _NUMBER.findall(text))


def spelt_numbers(text: str) -> frozenset[str]:
    """Return the numbers up to a hundred that are written in words."""
    found = (_NUMBER_WORDS.get(word.lower()) for word in re.findall(r"[^\W\d_]+", text))
    return frozenset(number for number in found if number)


def ordinals(text: str) -> frozenset[str]:
    """Return the places up to the twelfth that are written in words, as numbers."""
    found = (_ORDINALS.get(word.lower()) for word in re.findall(r"[^\W\d_]+", text))
    return frozenset(number for number in found if number)


def names(text: str) -> frozenset[str]:
    """Return names and acronyms, in lower case: what is capitalised, except at the sentence's start."""
    found = set()
    opening = re.search(r"\w", text)
    for match in _WORD.finditer(text):
        word = match.group()
        if word.islower():  # as most are
            continue
        first = opening is None or match.start() <= opening.start()
        capitals = sum(letter.isupper() for letter in word)
        if capitals >= 2 or (capitals and not first and len(word) > 1):
            found.add(word.lower().removesuffix("'s"))
    return frozenset(found - _STOP_WORDS - _DAYS_AND_MONTHS)


def opening_name(text: str) -> str:
    """Return the name that a sentence begins with, in lower case; empty where that may be any word.

    A singular noun without an article is a name where a verb follows it ("Weber treats …"), unless it looks
    like a thing that has no plural ("Heating is …"); so is what another capitalised word follows.
    """
    opening = _OPENING.match(text)
    if opening is None:
        return ""
    word, following = opening.groups()
    if word.lower() in _STOP_WORDS | _DAYS_AND_MONTHS | _TITLES or word.lower().endswith(_NO_NAME_ENDINGS):
        return ""
    is_verb = following in _VERBS or (following.endswith("s") and not following.endswith("ss"))
    return word.lower() if following[0].isupper() or is_verb else ""


def dates_and_denials(text: str) -> frozenset[str]:
    """Return the names of days and months, and the words that deny, in lower case."""
    words = {word.lower().replace("\u2019", "'") for word in _WORD.findall(text)}
    denied = {"not" for word in words if word.endswith("n't")}
    return frozenset(words & (_DAYS_AND_MONTHS | _DENIALS)) | denied


def _plain(number: str) -> str:
    """Take out commas between thousands, and zeros that say nothing."""
    plain = re.sub(r",(?=\d{3}(?:\D|$))", "", number)
    return re.sub(r"\.0+$", "", plain)


_ENDINGS = (
    ("ations", 4), ("ation", 4), ("ings", 4), ("ing", 4), ("edly", 4), ("ied", 3), ("ies", 3), ("ed", 4),
    ("es", 4), ("s", 3), ("ly", 4), ("e", 4), ("y", 3),
)  # fmt: skip
"""Endings, and how many letters must stand before them."""


def _stem(word: str) -> str:
    """Cut common English endings: enough that "label", "labels" and "labeling" are one."""
    return _kept_stem(word) if len(word) <= KEPT_WORD_CHARACTERS else word


@lru_cache(maxsize=16_384)  # texts repeat their words
def _kept_stem(word: str) -> str:
    for ending, least in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            return word[: -len(ending)]
    return word
