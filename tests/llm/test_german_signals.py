"""Signals that separate a German answer from a passage that is merely near the question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.retrieval.passages import passage

from vital_shared.llm.answer_calibration import SCORERS, calibration_for, shipped_calibration
from vital_shared.llm.answer_signals import closes_gate
from vital_shared.llm.evidence import select
from vital_shared.llm.german_questions import asked_attribute, denies, is_open, lacks_number
from vital_shared.llm.german_signals import GERMAN_SIGNAL_NAMES, german_signals
from vital_shared.llm.pieces import pieces
from vital_shared.models.answer_estimate import CALIBRATIONS
from vital_shared.retrieval.language import ENGLISH, GERMAN
from vital_shared.retrieval.rerank import Reranker

MARKET = passage(
    "Ein Stand auf dem Wochenmarkt kostet 14 Euro am Tag. Anmeldungen nimmt Frau Reuter bis zum Mai mit Formular 3 entgegen. "
    "Der Antrag auf einen Weinstand wurde abgelehnt.",
    title="Wochenmarkt",
    score=6.0,
)
OTHER = passage("Die Bücherei schließt um 18 Uhr, am Freitag um 20 Uhr.", title="Bücherei", score=2.5)


class ByMeaning(Reranker):
    """The logits of the multilingual embedder: high for a sentence that has a certain word."""

    def __init__(self, word: str) -> None:
        self.name = SCORERS[ENGLISH]
        self._word = word

    def scorer(self, query: str) -> str:
        return SCORERS[GERMAN]

    async def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([4.5 if self._word in text else 1.0 for text in texts], np.float32)


def signals_of(question: str, sentence: int) -> dict[str, float]:
    best = pieces(MARKET)[sentence]
    return dict(german_signals(question, best, best.text, (MARKET, OTHER), 4.0))


async def test_a_german_answer_has_an_estimate_of_its_own_calibration() -> None:
    selection = await select(
        "Was kostet ein Stand auf dem Wochenmarkt?", (MARKET, OTHER), ByMeaning("14 Euro")
    )
    assert selection.estimate is not None
    assert selection.estimate.calibration == shipped_calibration(GERMAN).version
    assert selection.pieces


@pytest.mark.parametrize(
    "question",
    [
        "Was kostete ein Stand auf dem Wochenmarkt im Jahr 2011?",
        "Wie laut ist es auf dem Wochenmarkt?",
        "Wo fährt auf dem Wochenmarkt das Kettenkarussell?",
    ],
)
async def test_a_german_near_miss_is_not_answered(question: str) -> None:
    selection = await select(question, (MARKET, OTHER), ByMeaning("14 Euro"))
    assert selection.pieces == ()


TORG = passage(
    "Ett stånd på lördagstorget kostar 140 kronor om dagen. Torget öppnar klockan åtta på morgonen.",
    title="Lördagstorget",
    score=6.0,
)
BIBLIOTEK = passage("Biblioteket stänger klockan 18, på fredagar klockan 20.", title="Biblioteket", score=2.5)


@pytest.mark.parametrize(
    ("question", "is_answered"),
    [
        ("Vad kostar ett stånd på lördagstorget?", True),
        ("Vad kostade ett stånd på lördagstorget år 2011?", False),
        ("Vilken försäkringspremie kostar ett stånd på lördagstorget?", False),
        ("Vad kostar elanslutningen till ett stånd på lördagstorget?", False),
    ],
)
async def test_a_language_without_a_calibration_has_the_gate_of_its_model(
    question: str, is_answered: bool
) -> None:
    selection = await select(question, (TORG, BIBLIOTEK), ByMeaning("140 kronor"))
    assert bool(selection.pieces) is is_answered
    assert selection.estimate is None


def test_a_calibration_is_for_its_language_and_its_scorer_alone() -> None:
    question = "Was kostet ein Stand auf dem Wochenmarkt?"
    assert calibration_for(question, (MARKET,), SCORERS[GERMAN]) is shipped_calibration(GERMAN)
    assert calibration_for(question, (MARKET,), SCORERS[ENGLISH]) is None
    assert calibration_for("What does a stall cost at the market?", (MARKET,), SCORERS[ENGLISH]) is None
    assert calibration_for("Vad kostar ett stånd på torget om lördagen?", (MARKET,), SCORERS[GERMAN]) is None


def test_the_german_calibration_weighs_every_signal_and_none_the_wrong_way() -> None:
    calibration = shipped_calibration(GERMAN)
    assert tuple(calibration.weights) == GERMAN_SIGNAL_NAMES
    assert calibration.version in CALIBRATIONS
    in_favour = {"answer_logit", "passage_gap"}
    assert all((weight > 0) == (name in in_favour) for name, weight in calibration.weights.items())


def test_words_are_found_with_other_endings_and_in_compounds() -> None:
    assert signals_of("Was kosten Stände auf Wochenmärkten?", 0)["missing_word"] <= 0.7
    assert signals_of("Was kostet die Standgebühr im Zirkuszelt?", 0)["missing_word"] >= 1.0


RULES = passage(
    "Die Kündigungssperrfrist dauert zehn Jahre. Elternzeit meldet man sieben Wochen vorher an. Der Lindenhof am "
    "Mühlenweg hat keinen Aufzug. Die Nettokaltmiete steigt nicht.",
    title="Regeln",
    score=6.0,
)


@pytest.mark.parametrize(
    ("question", "letters"),
    [
        ("Wie lange dauert die Kündigungssperrfrist?", 0),
        ("Hat das Haus im Mühlenweg einen Aufzug?", 4),  # "Haus"
        ("Wann steigen Kaltmieten?", 0),
        ("Wie hoch ist das Elterngeld?", 10),
        ("Hat der Lindenpark einen Aufzug?", 10),
        ("Hat der Mühlenbergweg einen Aufzug?", 13),
    ],
)
def test_nouns_are_missing_where_they_only_begin_like_another(question: str, letters: int) -> None:
    best = pieces(RULES)[0]
    found = german_signals(question, best, best.text, (RULES, OTHER), 4.0)
    assert found["missing_word"] == letters / 10


CLUB = passage(
    "Studierende entrichten 40 Euro. Der Austritt ist zum Jahresende möglich. Gas: Der Arbeitspreis beträgt 9 Cent. "
    "Die Versammlung ist im März.",
    title="Verein",
    score=6.0,
)


@pytest.mark.parametrize(
    ("question", "letters"),
    [
        ("Was zahlt ein Student?", 0),
        ("wie kann ich kündigen", 0),
        ("In welchem Monat ist die Versammlung?", 0),
        ("Wie hoch ist der Gaspreis?", 0),
        ("Wie hoch ist der Strompreis?", 10),
        ("Was zahlt ein Soldat?", 6),
    ],
)
def test_nouns_are_not_missing_where_another_word_says_the_same(question: str, letters: int) -> None:
    best = pieces(CLUB)[0]
    found = german_signals(question, best, best.text, (CLUB, OTHER), 4.0)
    assert found["missing_word"] == letters / 10


def test_a_very_long_word_is_looked_up_in_no_time() -> None:
    best = pieces(CLUB)[0]
    found = german_signals(f"Was kostet {'Gas' * 5_000}?", best, best.text, (CLUB, OTHER), 4.0)
    assert found["missing_word"] > 1


def test_what_was_refused_denies_a_question_that_takes_it_for_granted() -> None:
    assert signals_of("Wo ist der Weinstand?", 2)["denied"] == 1.0
    assert signals_of("Darf man einen Weinstand haben?", 2)["denied"] == 0.0


def test_a_number_that_the_passage_lacks_is_unknown() -> None:
    assert signals_of("Was kostet Stand 27?", 0)["unknown_number"] == 1.0
    assert signals_of("Wer nimmt mit Formular 3 Anmeldungen an?", 1)["unknown_number"] == 0.0


@pytest.mark.parametrize(
    ("question", "answers", "lacks"),
    [
        ("Wie teuer ist die Fähre?", "Die Fahrt ist kostenlos.", "Die Fähre fährt stündlich."),
        ("Welches Gewicht hat der Anker?", "Er wiegt 80 kg.", "Er liegt am Kai."),
        ("Telefonnummer des Amts", "Telefon 030 555 1200", "Das Amt öffnet um 8 Uhr."),
        ("Welche Farbe hat die Boje?", "Sie ist rot.", "Sie ist neu."),
    ],
)
def test_an_asked_attribute_is_stated_in_its_words(question: str, answers: str, lacks: str) -> None:
    stated = asked_attribute(question)
    assert stated is not None
    assert stated.search(answers)
    assert not stated.search(lacks)


@pytest.mark.parametrize("thing", ["Kündigungsfrist", "Mittagspause", "Ausbildung"])
def test_the_length_of_what_lasts_is_no_measure(thing: str) -> None:
    assert asked_attribute(f"Wie lang ist die {thing}?") is None
    assert not closes_gate(f"Wie lang ist die {thing}?", [passage(f"Die {thing} beträgt vier Wochen.")])
    assert closes_gate("Wie lang ist das Netzkabel?", [passage("Das Netzkabel liegt bei.")])


def test_a_measure_that_no_passage_has_closes_the_gate() -> None:
    assert closes_gate("Wie laut ist es auf dem Wochenmarkt?", (MARKET,))
    assert not closes_gate("Was kostet ein Stand auf dem Wochenmarkt?", (MARKET,))


def test_kinds_of_questions_are_seen() -> None:
    assert lacks_number("Wann öffnet die Bücherei?", "Die Bücherei öffnet wieder.")
    assert not lacks_number("Wann öffnet die Bücherei?", "Am Freitag.")
    assert not is_open("Darf ich hier parken?")
    assert denies("Das Parken ist untersagt.")
