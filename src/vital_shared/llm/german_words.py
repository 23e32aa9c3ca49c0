"""German words that documents and the questions about them use for the same thing."""

# ruff: noqa: SIM905 (word lists read better as one string)

from __future__ import annotations

from typing import Final

__all__ = ["is_said_otherwise", "is_unstated"]

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


def is_unstated(word: str) -> bool:
    """Return whether a noun, in lower case, only says what sort of answer is wanted."""
    return word in _UNSTATED


def is_said_otherwise(text: str, root: str) -> bool:
    """Return whether a text has another word for the same thing.

    :param text: in lower case and without umlauts.
    :param root: of a word, without umlauts.
    """
    return any(
        root.startswith(one)
        and len(root) - len(one) <= MAX_ENDING_LETTERS
        and any(other in text for other in roots if other != one)
        for roots in _SAME_THING
        for one in roots
    )
