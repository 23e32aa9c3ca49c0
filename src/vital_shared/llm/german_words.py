"""German words in texts: with other endings, in compounds, and in other words for the same thing."""

# ruff: noqa: SIM905 (word lists read better as one string)

from __future__ import annotations

import re
from typing import Final

from vital_shared.retrieval.language import GERMAN
from vital_shared.retrieval.stems import stem
from vital_shared.retrieval.words import numbers

__all__ = ["has_word", "says", "without_umlauts"]

MAX_ENDING_LETTERS: Final = 3
"""Letters behind a root from which on a word is a compound, and another thing: "Elterngeld"."""

_UNSTATED: Final = frozenset(
    "alter anzahl art betrag datum dauer ding fall grund höhe jahr leute menge mensch menschen monat ort "
    "person personen sache summe tag teil uhrzeit unterschied weise woche zahl zeit zeitpunkt zeitraum "
    "zweck".split()
)
"""Nouns that an answer need not repeat: "In welchem Monat?" is answered by "im November"."""

_SAME_THING: Final = tuple(
    tuple(roots.split())
    for roots in (
        "kost preis gebuhr beitrag entgelt zahl tarif miete",
        "geld vermogen euro",
        "student studier",
        "kundig austritt austret",
        "eintritt aufnahme beitritt beitret einlass",
        "gast gaste besuch",
        "rentner senior",
        "kind jugendlich minderjahrig tochter sohn",
        "eltern mutter vater",
        "auto pkw kfz fahrzeug",
        "chef leit vorsitz",
        "lohn gehalt verdien vergut",
        "urlaub ferien",
        "kaputt defekt schaden beschadig storung",
        "reparatur reparier instandsetz",
        "offnungszeit geoffnet uhr",
        "mull abfall",
        "strafe bussgeld",
        "erlaubnis genehmig gestatt zustimm",
        "formular antrag vordruck",
        "unterlag papier dokument nachweis",
        "adresse anschrift",
        "hersteller hergestellt",
        "akku batterie",
        "knopf taste",
        "bildschirm display",
        "lampe leucht licht",
        "handy telefon mobil",
        "rabatt nachlass ermassig vergunstig",
        "frist spatestens binnen innerhalb",
        "mitarbeiter beschaftigte angestellte personal",
        "firma unternehmen betrieb",
        "kunde kaufer",
        "lieferung versand",
        "geburt geboren",
        "tod gestorben starb",
    )
)
"""Roots as the stemmer writes them, without umlauts."""

COMPOUND_MIN_LETTERS: Final = 8
COMPOUND_START_LETTERS: Final = 6
"""Letters from which on a word is found by its first ones: "Kaltmieten" by "Kaltmi"."""

HEAD_MIN_LETTERS: Final = 4
"""Letters of the last part of a compound; fewer are an ending."""

MAX_COMPOUND_LETTERS: Final = 40
PART_MIN_LETTERS: Final = 3
"""Letters of the first part of a compound."""

_WITHOUT_UMLAUTS: Final = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
"""Letters as the stemmer writes them."""


def without_umlauts(text: str) -> str:
    """Return a text in lower case as the stemmer writes it."""
    return text.translate(_WITHOUT_UMLAUTS)


def says(text: str, word: str) -> bool:
    """Return whether a text in lower case has a word, another one for the same thing, or need not have it."""
    root, plain = stem(word, GERMAN), without_umlauts(text)
    return (
        word in _UNSTATED
        or has_word(text, word)
        or _is_said_otherwise(plain, root)
        or _has_both_parts(plain, root)
    )


def _has_both_parts(text: str, root: str) -> bool:
    """Return whether a text has both parts of a compound as words of their own or ends of words.

    "Gaspreis", where the section is "Gas" and its line "Arbeitspreis".
    """
    if len(root) > MAX_COMPOUND_LETTERS:
        return False
    for end in range(PART_MIN_LETTERS, len(root) - HEAD_MIN_LETTERS + 1):
        first, head = root[:end], root[end:]
        if re.search(rf"\b{first}\b", text) and (
            re.search(rf"{head}\w{{0,2}}\b", text) or _is_said_otherwise(text, head)
        ):
            return True
    return False


def has_word(text: str, word: str) -> bool:
    """Return whether a text in lower case has a word, with another ending or within a compound too.

    A compound that only begins as a word of the text does is another thing, unless the text has its end too:
    "Elterngeld" is not "Elternzeit".
    """
    if word.isdigit():
        return word in numbers(text)
    root, text = stem(word, GERMAN), without_umlauts(text)
    if root in text:
        return True
    if len(root) < COMPOUND_MIN_LETTERS:
        return False
    starts = (end for end in range(len(root) - 1, COMPOUND_START_LETTERS - 1, -1) if root[:end] in text)
    rest = root[next(starts, 0) :]
    return rest != root and (len(rest) < HEAD_MIN_LETTERS or rest in text)


def _is_said_otherwise(text: str, root: str) -> bool:
    """Return whether a text has another word for the same thing.

    :param text: in lower case and without umlauts.
    :param root: a word without its ending and without umlauts.
    """
    return any(
        root.startswith(one)
        and len(root) - len(one) <= MAX_ENDING_LETTERS
        and any(other in text for other in roots if other != one)
        for roots in _SAME_THING
        for one in roots
    )
