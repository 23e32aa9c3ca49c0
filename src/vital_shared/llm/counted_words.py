"""Words that questions and documents use for the same things where they are counted."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from vital_shared.llm.german_words import without_umlauts
from vital_shared.retrieval.language import ENGLISH, GERMAN

__all__ = ["is_counted_otherwise"]

_ENDINGS: Final = {
    ENGLISH: "(?:e?s)?",
    GERMAN: "(?:e[nrsm]?|ern|n|s|e?nde[nr]?|er(?:in(?:nen)?|n|s)?|in(?:nen)?|ung(?:en)?|ige[nr]?)?",
}
_SAME_THING: Final = {
    ENGLISH: (
        "session lesson rehearsal class meeting appointment treatment unit sitting workshop training",
        "member singer player rower dancer participant subscriber adherent people person",
        "student pupil learner participant trainee apprentice child children kid",
        "boat vessel ship craft barge",
        "staff employee worker personnel colleague people person",
        "volunteer helper",
        "holiday leave vacation",
        "pause break",
        "bread loaf loav",
        "concert performance show gig recital appearance",
        "seat place chair",
        "room chamber",
        "floor storey story level",
        "car vehicle automobile",
        "bike bicycle cycle",
        "shop store branch outlet",
        "guest visitor attendee",
        "machine device appliance apparatus",
        "team crew side squad",
        "book volume title",
        "question item task",
        "attempt try tri",
        "customer client patient",
        "resident inhabitant tenant",
        "flat apartment",
        "picture photo image photograph",
        "prize award",
        "rule regulation",
    ),
    GERMAN: (
        "termin einheit sitzung behandlung treff stund lektion prob unterrichtsstund abend veranstaltung",
        "schuler teilnehm kind lernend kursteilnehm auszubild azubi lehrling",
        "mitglied angehor person leut sanger mensch",
        "team mannschaft",
        "sitz platz stuhl sitzplatz",
        "maschin gerat apparat trainingsgerat",
        "mitarbeit beschaftigt angestellt personal therapeut kolleg",
        "geig violin",
        "zimm raum",
        "wohnung apartment appartement",
        "haus gebaud",
        "boot schiff kahn",
        "rad fahrrad velo",
        "auto wag pkw fahrzeug",
        "helf freiwillig ehrenamtlich",
        "gast besuch zuschau teilnehm",
        "paus unterbrechung",
        "konzert vorstellung auffuhrung auftritt",
        "stockwerk etag geschoss",
        "haltestell station",
        "filial zweigstell niederlassung standort geschaft",
        "frag aufgab",
        "kund klient patient",
        "bewohn einwohn mieter",
        "urlaubstag ferientag",
    ),
}
"""Beginnings of words, without umlauts."""


def is_counted_otherwise(text: str, word: str, language: str) -> bool:
    """Return whether a text has another word for what a word counts."""
    plain = without_umlauts(word.lower())
    groups = [group for group in _groups(language) if group.fullmatch(plain)]
    found = without_umlauts(text.lower()) if groups else ""
    return any(group.search(found) for group in groups)


@cache
def _groups(language: str) -> tuple[re.Pattern[str], ...]:
    """Return a pattern for the words of each group, in their forms."""
    ending = _ENDINGS.get(language, "")
    groups = (roots.split() for roots in _SAME_THING.get(language, ()))
    return tuple(re.compile(rf"\b(?:{'|'.join(roots)}){ending}\b") for roots in groups)
