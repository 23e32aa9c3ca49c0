"""Whether two questions that are near each other ask the same: only where nothing speaks against it.

Vectors of texts see what a question is about, not what it asks: "class II" lies next to "class III", "opens"
next to "closes", "with" next to "without". So the words are compared as well. What is left of two questions
without phrases that only ask, and with words that mean the same made one, has to be the same, in the same
order. That refuses many that do ask the same; those are answered by a run of their own.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["is_paraphrase"]

COMPARED_CHARACTERS: Final = 1_000
"""Characters of a question that the vectors see, from its beginning."""

_WORD: Final = re.compile(r"(?<!\w)-?\d[\w.,()/%-]*[\w)%]|-?\d|\w[\w']*(?:\(\w+\))?|[$€£¥%<>=+#&@°§±÷^~]")
"""Words, numbers with what belongs to them, and signs that say something."""

_FILLERS: Final = re.compile(
    r"^(?:(?:hi|hello|hey|please|so|ok|okay|and|but|well)\b[,!. ]*)+|\bplease\b|\bthank(?:s| you)\b"
    r"|\bi (?:want|would like|need) to know\b"
)
"""Phrases that say only that something is asked."""

_INDIRECT_QUESTION: Final = re.compile(
    r"^(?:(?:can|could|would|will) you )?(?:tell me|explain(?: to me)?|describe|define|let me know) (.+)$"
)
_WH: Final = re.compile(r"(?:how|what|when|where|who|whom|whose|why|which|whether|if|about)\b")

_PHRASES: Final = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"\bwhat's\b", "what is"),
        (r"\bwho's\b", "who is"),
        (r"\bwhere's\b", "where is"),
        (r"\bwhen's\b", "when is"),
        (r"\bhow's\b", "how is"),
        (r"\bit's\b", "it is"),
        (r"\bi'm\b", "i am"),
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (r"\be-mail\b", "email"),
        (r"\b(?:do|does|did) (?:i|we|you|one) (?:have|need) to\b", "must i"),
        (r"\b(?:do|does) (\w+) have to\b", r"must \1"),
        (r"\bdo i need\b", "must i have"),
        (r"\bis it possible to\b", "can i"),
        (r"\bat what time\b|\bwhat time\b", "when"),
        (r"\bhow can (?:i|we|you|one)\b|\bhow (?:do|would|should) (?:i|we|you|one)\b|\bhow to\b", "how"),
        (r"\bwhere (?:can|do) (?:i|we|you|one)\b", "where"),
        (r"\bwhat does (.+) mean\b", r"what is \1"),
        (r"\bwhat is the meaning of\b", "what is"),
        (r"\bwhat is the (?:price|cost) of\b|\bhow much does (.+) cost\b", r"how much is \1"),
    )
)

_ONE: Final = {
    word: group.split()[0]
    for group in (
        "what which",
        "must required necessary mandatory need needed require requires",
        "i we one my our",
        "store shop stores shops",
        "begin start begins starts",
        "dose dosage doses dosages",
        "get obtain",
        "allow permit allowed permitted allows permits",
        "medicine medication medicines medications",
        "big large",
        "differ difference differs",
        "a an",
        "can could",
    )
    for word in group.split()
}
"""Words that mean the same here, by the first of them."""

_LIGHT: Final = frozenset(
    "the is are am be being do does of it there this that these those i has have get "  # noqa: SIM905
    "exactly actually really".split()
)
"""Words that may be there or not, where the others are the same."""

_PARTICLES: Final = frozenset("a and any at by for in on or to with".split())  # noqa: SIM905
"""Words that may stand elsewhere, but have to be there."""

_PAST: Final = frozenset({"did", "was", "were", "had"})
_FUTURE: Final = frozenset({"will", "shall"})


class _Comparison(NamedTuple):
    """The parts of a question that are compared."""

    words: tuple[str, ...]
    particles: frozenset[str]
    time: str


def is_paraphrase(one: str, other: str) -> bool:
    """Return whether the answer to one question is surely one to the other."""
    if max(len(one), len(other)) > COMPARED_CHARACTERS:
        return False
    first, second = _comparable(one), _comparable(other)
    return first.words == second.words and first.time == second.time and first.particles == second.particles


@lru_cache(maxsize=4_096)  # a new question is compared with the same old ones again and again
def _comparable(text: str) -> _Comparison:
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").split())
    plain = " ".join(_FILLERS.sub(" ", plain).split())
    if stated := _INDIRECT_QUESTION.match(plain):
        plain = stated[1] if _WH.match(stated[1]) else f"what is {stated[1]}"
    for pattern, to in _PHRASES:
        plain = pattern.sub(to, plain)
    words = [_ONE.get(word, word) for word in _WORD.findall(plain.replace("'s ", " "))]
    said = [_stem(word) for word in words if word not in _LIGHT]
    return _Comparison(
        tuple(word for word in said if word not in _PARTICLES),
        frozenset(said) & _PARTICLES,
        _time(words),
    )


def _time(words: list[str]) -> str:
    if _FUTURE.intersection(words):
        return "future"
    return "past" if _PAST.intersection(words) else "present"


def _stem(word: str) -> str:
    """Take off the plural: a question about devices is one about a device."""
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) and word.isalpha():
        return word[:-1]
    return word
