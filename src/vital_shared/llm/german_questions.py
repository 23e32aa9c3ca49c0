"""Kinds of answers that German questions ask for, and whether a text has one of that kind."""

from __future__ import annotations

import re
from typing import Final

from vital_shared.llm.money_words import MONEY

__all__ = ["asked_attribute", "denies", "is_open", "lacks_number"]

_IGNORE: Final = re.IGNORECASE
_MONTHS: Final = "januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember"

_OPEN: Final = re.compile(
    r"\b(?:wer|wen|wem|wessen|was|welche\w*|wann|wo|wohin|woher|warum|weshalb|wieso|wie|womit|wozu)\b",
    _IGNORE,
)
_NO_THING: Final = re.compile(r"\b(?:wer|wen|wem|warum|weshalb|wieso|wie lange|wie oft)\b", _IGNORE)
"""Questions for a person, a reason or a time, whatever thing they are about."""

_NUMBER_ASKED: Final = re.compile(
    r"\bwie ?(?:viele?n?|hoch|lange?|oft|teuer|alt|schwer|groß|breit|tief|weit|warm|heiß|laut|schnell)\b"
    r"|\b(?:preis\w*|kosten|höhe|gewicht|anzahl|durchwahl|uhrzeit|datum|jahr|wann)\b|nummer\b"
    r"|\bwas kostet\w*\b|\bwie (?:spät|früh)\b",
    _IGNORE,
)
_NUMBER: Final = re.compile(
    r"\d|\b(?:ein|eine[mnrs]?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|zwanzig|hundert|halb\w*"
    r"|doppelt\w*|kein\w*|kostenlos\w*|frei|gratis|jede[mnrs]?|täglich|wöchentlich|monatlich|jährlich"
    rf"|(?:mon|diens|donners|frei|sams|sonn)tag\w*|mittwoch\w*|{_MONTHS}|sofort|sobald|vorher|nachts|abends"
    r"|morgens|werktags)\b",
    _IGNORE,
)


_LASTING: Final = (
    r"frist|zeit|dauer|pause|urlaub|ferien|garantie|gewährleistung|kurs|ausbildung|praktikum|führung|sitzung"
    r"|sperre|saison|behandlung|therapie|training|vorstellung|quarantäne|vertrag"
)
"""Things that last, whose length is a time."""


def _attribute(asked: str, stated: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(asked, _IGNORE), re.compile(stated, _IGNORE)


_ATTRIBUTES: Final = (
    _attribute(
        r"kost\w*|preis\w*|\bteuer\b|billig\w*|gebühr\w*|\b(?:be|zu)?zahl(?:e|en|t|st|ung)\b|\bmiete\b"
        r"|pfand|kaution|verdien\w*|eintritt",
        rf"{MONEY}|\b(?:frei|gratis)\b|\w*frei\b|kost\w*|gebühr\w*|beitr\w*"
        r"|zahl\w*",
    ),
    _attribute(
        r"\bschwer\b|gewicht\w*|\bwiegt\b", r"\b(?:kg|g|kilo\w*|gramm|tonnen?|schwer)\b|wieg\w*|gewicht"
    ),
    _attribute(
        r"\bwie groß (?:ist|sind) (?!.*(?:gruppe|klasse|team|mannschaft))|\bfläche\b",
        r"\b(?:cm|mm|m|km|m²|qm|ha|hektar|(?:quadrat|kilo|zenti|milli)?metern?)\b|\bgröß|\bgroß|fläche|\bklein",
    ),
    _attribute(r"\blaut(?:stärke)?\b|lärm\w*", r"laut|lärm|dezibel|\bdb\b|leise"),
    _attribute(
        r"\bfarb\w*", r"farb\w*|\b(?:rot|grün|blau|gelb|schwarz|weiß|grau|orange|silber|braun|rosa|lila)\w*"
    ),
    _attribute(r"telefon\w*|durchwahl", r"telefon|durchwahl|\+?\d[\d /-]{5,}\d"),
    _attribute(r"\be-?mail\w*", r"@|e-?mail"),
    _attribute(r"\b(?:adresse|anschrift)\b", r"adresse|anschrift|straße|gasse|allee|platz|\bweg\b|\b\d{5}\b"),
    _attribute(r"gegründet|gründung\w*", r"gründ\w*|\bseit\b|besteht"),
    _attribute(r"\balter\b|\bwie alt\b", r"\balt(?:er)?\b|jahre|jährig|geboren|baujahr"),
    _attribute(
        rf"\b(?:(?:breit|tief|(?:quadrat|kilo|zenti)?metern?)\b|wie lang (?:ist|sind) (?!.*(?:{_LASTING})))",
        r"\b(?:cm|mm|m|km|m²|(?:quadrat|kilo|zenti|milli)?metern?)\b|breit|tief|hoch|lang",
    ),
)

_DENIAL: Final = re.compile(
    r"\b(?:nicht|kein\w*|nie|niemals|niemand|nichts|ohne|verboten|untersagt|unzulässig|abgelehnt|ausgeschlossen"
    r"|verweigert\w*|gestrichen|entfällt|kostenlos\w*|frei)\b",
    _IGNORE,
)


def asked_attribute(question: str) -> re.Pattern[str] | None:
    """Return what states the property that is asked for, such as a price; None where it is something else."""
    if _NO_THING.search(question):
        return None
    return next((stated for asked, stated in _ATTRIBUTES if asked.search(question)), None)


def lacks_number(question: str, answer: str) -> bool:
    """Return whether a question asks for a number or a time, and the answer has none."""
    return _NUMBER_ASKED.search(question) is not None and _NUMBER.search(answer) is None


def is_open(question: str) -> bool:
    """Return whether a question asks for more than yes or no."""
    return _OPEN.search(question) is not None


def denies(text: str) -> bool:
    """Return whether a text says that something is not so, or is without a charge."""
    return _DENIAL.search(text) is not None
