"""Changes that questions take for granted: "Why did sales fall?", where they rose."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from vital_shared.retrieval.language import ENGLISH, GERMAN

__all__ = ["contradicts_change"]


class _Directions(NamedTuple):
    """The words of a language for what goes up and what goes down."""

    asks: re.Pattern[str]
    """Questions that take a change for granted."""

    up: re.Pattern[str]
    down: re.Pattern[str]
    clauses: re.Pattern[str]


_IGNORE: Final = re.IGNORECASE
_DIRECTIONS: Final = {
    ENGLISH: _Directions(
        asks=re.compile(
            r"\b(?:why|(?:by )?how (?:much|many|far)|when|since when|by what)\b.*"
            r"\b(?:is|are|was|were|did|does|do|has|have|had|will)\b",
            _IGNORE,
        ),
        up=re.compile(
            r"\b(?:ris(?:e|es|en|ing)|rose|increas\w+|gr(?:ow|ows|ew|own|owing|owth)|climb\w*|went up|gone up"
            r"|improv\w+|rais(?:e|es|ed|ing))\b",
            _IGNORE,
        ),
        down=re.compile(
            r"\b(?:fall|falls|fell|fallen|falling|decreas\w+|dropp?(?:s|ed|ing)?|declin\w+|shr[aiu]nk\w*|s[aiu]nk\w*"
            r"|went down|gone down|worse\w*|reduc\w+|lower(?:ed|ing)?|cut)\b",
            _IGNORE,
        ),
        clauses=re.compile(r"[.;:,!?](?:\s|$)|\b(?:but|and|while|whereas)\b"),
    ),
    GERMAN: _Directions(
        asks=re.compile(r"\b(?:warum|weshalb|wieso|wann|um wie ?viel|wie (?:sehr|stark|viel))\b", _IGNORE),
        up=re.compile(
            r"\b(?:steig\w*|stieg\w*|(?:an)?gestiegen|(?:er)?höh(?:en|t|te|ten)|zugenommen|zunahm\w*|wuchs\w*"
            r"|gewachsen|wächst|verbesser\w*)\b",
            _IGNORE,
        ),
        down=re.compile(
            r"\b(?:s[aiu]nk\w*|gesunken|zurückgegangen|fiel\w*|gefallen|(?:ge)?senk\w*|abgenommen|nahm\w* ab"
            r"|verringer\w*|verschlechter\w*|schrumpf\w*|geschrumpft)\b",
            _IGNORE,
        ),
        clauses=re.compile(r"[.;:,!?](?:\s|$)|\b(?:aber|und|während|jedoch)\b"),
    ),
}


def contradicts_change(question: str, sentence: str, shared: Callable[[str], int], language: str) -> bool:
    """Return whether the clause that is about a question says that something goes the other way.

    :param shared: counts the words that a clause shares with the question.
    """
    directions = _DIRECTIONS[language]
    is_up, is_down = _goes(question, directions)
    if is_up == is_down or not directions.asks.search(question):
        return False
    clauses = directions.clauses.split(sentence)
    best = max(clauses, key=shared)
    goes_up, goes_down = _goes(best, directions)
    return shared(best) > 0 and (goes_up, goes_down) == (is_down, is_up)


def _goes(text: str, directions: _Directions) -> tuple[bool, bool]:
    return directions.up.search(text) is not None, directions.down.search(text) is not None
