"""Kinds of things that exclude each other: what is said of the blue bin says nothing of the yellow one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from vital_shared.llm.yes_or_no import asks_yes_or_no
from vital_shared.models.citation import Passage
from vital_shared.retrieval.language import ENGLISH, GERMAN, language_of
from vital_shared.retrieval.passage_text import passage_text

__all__ = ["asks_for_other_kind"]

MIN_INNER_LETTERS: Final = 4
"""Letters by which a word is known within a longer one; a shorter one has to begin or end it."""

_ENDINGS: Final = {ENGLISH: ("", "s", "es"), GERMAN: ("", "e", "en", "er", "em", "es", "n", "s")}


class _Family(NamedTuple):
    """Things of one sort, of which each is another one."""

    kinds: tuple[tuple[str, ...], ...]
    """Each with all words for it."""

    general: tuple[str, ...]
    """Words that mean all of them, and those that are not named."""

    are_choices: bool
    """Whether "Is there a red one?" is answered by those that there are."""


def _family(kinds: str, general: str = "", *, are_choices: bool = False) -> _Family:
    return _Family(
        tuple(tuple(kind.split("/")) for kind in kinds.split()), tuple(general.split()), are_choices
    )


_FAMILIES: Final = {
    ENGLISH: (
        _family(
            "red green blue black white yellow grey/gray orange brown pink purple/violet turquoise beige",
            are_choices=True,
        ),
        _family(
            "wood/wooden steel/iron glass plastic paper/cardboard aluminium/aluminum leather cotton "
            "wool/woollen silk concrete",
            "material metal fabric",
            are_choices=True,
        ),
        _family("bronze silver gold platinum diamond"),
        _family("breakfast/brunch lunch/lunches dinner/supper", "meal food"),
        _family(
            "dog/puppy/puppies cat/kitten rabbit hamster horse/pony/ponies bird/parrot/budgie fish snake "
            "chicken/hen sheep goat cow/cattle pig bee",
            "animal pet livestock rodent poultry",
        ),
        _family(
            "car/automobile bicycle/bike/cycle/cyclist motorcycle/motorbike/moped/scooter "
            "lorry/lorries/truck/van bus/coach tram train caravan/camper/motorhome",
            "vehicle transport traffic",
        ),
        _family("north/northern south/southern east/eastern west/western"),
        _family("gas electricity/power/electric/electrical oil/diesel coal", "energy heating"),
        _family("beer wine coffee/espresso tea juice", "drink beverage alcohol"),
        _family("football/soccer tennis basketball volleyball badminton handball hockey golf", "sport ball"),
        _family(
            "piano/pianos guitar violin trumpet flute drum clarinet saxophone ukulele", "instrument music"
        ),
        _family("knee hip shoulder elbow ankle wrist", "joint"),
    ),
    GERMAN: (
        _family(
            "rot grün blau schwarz weiß gelb grau orange braun rosa lila/violett türkis beige",
            are_choices=True,
        ),
        _family(
            "holz/hölzer stahl/eisen glas/gläser kunststoff/plastik papier/pappe aluminium/alu leder "
            "baumwolle wolle seide beton",
            "material metall stoff",
            are_choices=True,
        ),
        _family("bronze silber gold platin diamant"),
        _family("frühstück mittagessen abendessen/abendbrot", "mahlzeit essen verpflegung"),
        _family(
            "hund/welpe katze/kater kaninchen hamster pferd/pony vogel/vögel/papagei fisch schlange "
            "huhn/hühner schaf ziege kuh/kühe/rind schwein biene",
            "tier nagetier geflügel vieh",
        ),
        _family(
            "auto/pkw/wagen rad/räder/velo motorrad/motorräder/moped/roller lastwagen/lkw/transporter "
            "bus/busse straßenbahn/tram zug/züge/bahn wohnwagen/wohnmobil",
            "fahrzeug kfz verkehr verkehrsmittel",
        ),
        _family("norden/nord/nördlich süden/süd/südlich osten/ost/östlich westen/west/westlich"),
        _family("gas strom/elektrisch öl/diesel kohle fernwärme pellets", "energie heizung wärme"),
        _family("bier wein kaffee/espresso tee saft/säfte", "getränk alkohol"),
        _family("fußball tennis basketball volleyball badminton handball hockey golf", "sport ball"),
        _family(
            "klavier/flügel gitarre geige/violine trompete flöte schlagzeug/trommel klarinette saxophon "
            "ukulele",
            "instrument musik",
        ),
        _family("knie hüfte schulter ellbogen sprunggelenk handgelenk", "gelenk"),
    ),
}

_WORD: Final = re.compile(r"[^\W\d_]+")


def asks_for_other_kind(question: str, passages: Sequence[Passage]) -> bool:
    """Return whether a question names a kind of thing that no passage has, and the best one has another kind.

    A word for all kinds, such as "animals", means any of them.

    :param passages: best first.
    """
    if not passages:
        return False
    languages = {language_of(question), language_of(passages[0].text)}  # a short question's is a guess
    return any(_asks(question, passages, language) for language in languages if language in _FAMILIES)


def _asks(question: str, passages: Sequence[Passage], language: str) -> bool:
    asked = _words(question)
    families = [
        (family, missing)
        for family in _FAMILIES[language]
        if (missing := [kind for kind in family.kinds if _names(asked, kind, language)])
        and not (family.are_choices and asks_yes_or_no(question, language))
    ]
    if not families:
        return False
    best = _words(_whole(passages[0]))
    found = best.union(*(_words(_whole(each)) for each in passages[1:]))
    return any(
        not _has(found, family.general)
        and any(not _has(found, kind) for kind in missing)
        and any(_names(best, kind, language) for kind in family.kinds if kind not in missing)
        for family, missing in families
    )


def _names(words: frozenset[str], kind: Sequence[str], language: str) -> bool:
    """Return whether some words name a kind, with whatever ending."""
    return any(name + ending in words for name in kind for ending in _ENDINGS[language])


def _has(words: frozenset[str], kind: Sequence[str]) -> bool:
    """Return whether some words have a kind in them, within compounds too: "Stadtbus", "Hundesteuer"."""
    return any(
        name in word if len(name) >= MIN_INNER_LETTERS else word.startswith(name) or word.endswith(name)
        for name in kind
        for word in words
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text))


def _whole(passage: Passage) -> str:
    return passage_text(passage.title, passage.section, passage.text)
