"""The probability that a quoted answer is right, and the gate that it drives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.retrieval.passages import passage

from vital_shared.llm.answer_calibration import shipped_calibration
from vital_shared.llm.answer_signals import SIGNAL_NAMES, Logits, closes_gate, masked, signals
from vital_shared.llm.evidence import Selection, select
from vital_shared.llm.pieces import pieces
from vital_shared.models.answer_estimate import CALIBRATIONS, AnswerEstimate
from vital_shared.models.citation import Passage
from vital_shared.retrieval.rerank import Reranker

BUOY = passage(
    "The Kelmar B12 buoy is 2.1 metres high and weighs 140 kg. It was delivered in 2019 for 8,400 euros. "
    "Its light is seen from 6 miles. It has no bell.",
    title="Kelmar B12",
    score=5.0,
)
RULES = passage(
    "Moor at the north quay from Monday to Friday. Boats over 12 metres call the pilot on channel 9.",
    title="Mooring",
    score=-2.0,
)
NEAR_MISSES = {
    "absent attribute": "What colour is the Kelmar B12?",
    "wrong year": "What did the Kelmar B12 cost in 2011?",
    "wrong entity": "How heavy is the Sandor lightship?",
    "look-alike name": "How high is the Kelmar B21?",
    "contradicted premise": "How loud is the bell of the Kelmar B12?",
}


class ForeignReranker(Reranker):
    """Another cross-encoder, of which no calibration knows the logits."""

    def __init__(self) -> None:
        self.name = "another"

    async def score(self, query: str, texts: object) -> NDArray[np.float32]:
        return np.full(len(list(texts)), 3.0, np.float32)  # type: ignore[call-overload]


async def estimated(
    reranker: Reranker, question: str, *passages: Passage
) -> tuple[Selection, AnswerEstimate]:
    selection = await select(question, passages, reranker)
    assert selection.estimate is not None
    return selection, selection.estimate


@pytest.mark.parametrize(
    "question", ["How heavy is the Kelmar B12?", "From how far is the light of the buoy seen?"]
)
async def test_an_answer_that_the_documents_hold_is_likely_right(reranker: Reranker, question: str) -> None:
    selection, estimate = await estimated(reranker, question, BUOY, RULES)
    assert selection.pieces
    assert estimate.is_certain
    assert estimate.probability > 0.75
    assert estimate.calibration in CALIBRATIONS


@pytest.mark.parametrize("question", NEAR_MISSES.values(), ids=NEAR_MISSES)
async def test_a_near_miss_is_not_answered(reranker: Reranker, question: str) -> None:
    selection, estimate = await estimated(reranker, question, BUOY, RULES)
    assert selection.pieces == ()
    assert estimate.probability < shipped_calibration().answer_from


POOL = passage(
    "Swimmers under 18 pay 3 euros. The annual general meeting sets the fee. Lane 4 is for clubs.",
    title="Pool",
)


@pytest.mark.parametrize(
    ("question", "is_unknown"),
    [
        ("What does my 12-year-old pay?", 0.0),
        ("What does a swimmer aged 12 pay?", 0.0),
        ("What do I pay at 21:30, or at 6 pm?", 0.0),
        ("What do 12 swimmers pay?", 1.0),
        ("What does a swimmer pay on lane 12?", 1.0),
    ],
)
def test_ages_and_hours_are_no_unknown_numbers(question: str, is_unknown: float) -> None:
    found = signals(question, pieces(POOL)[0], POOL.text, [POOL], Logits(1.0, 1.0, 1.0))
    assert found["unknown_number"] == is_unknown
    assert found["unknown_name"] == 0.0


@pytest.mark.parametrize(
    ("question", "is_missing"),
    [("price of a swim", 0.0), ("colour of a swim", 1.0), ("depth of lane 4", 1.0)],
)
def test_a_property_is_there_where_its_units_are(question: str, is_missing: float) -> None:
    pool = passage("A swim is 3 euros on lane 4.", title="Pool")
    found = signals(question, pieces(pool)[0], pool.text, [pool], Logits(1.0, 1.0, 1.0))
    assert found["asked_thing_missing"] == is_missing


@pytest.mark.parametrize(("name", "is_unknown"), [("AGM", 0.0), ("AGX", 1.0)])
def test_an_acronym_of_words_that_stand_there_is_no_unknown_name(name: str, is_unknown: float) -> None:
    found = signals(f"What does the {name} set?", pieces(POOL)[0], POOL.text, [POOL], Logits(1.0, 1.0, 1.0))
    assert found["unknown_name"] == is_unknown


@pytest.mark.parametrize(
    "question", ["What did the Kelmar B12 weigh in 2011?", "How loud is the Kelmar B12?"]
)
async def test_a_year_or_a_measure_that_no_passage_has_closes_the_gate(
    reranker: Reranker, question: str
) -> None:
    _, estimate = await estimated(reranker, question, BUOY, RULES)
    assert estimate.probability <= shipped_calibration().closed_probability


async def test_far_passages_are_judged_by_the_calibration_alone(reranker: Reranker) -> None:
    far = [each.model_copy(update={"score": each.score - 15.0}) for each in (BUOY, RULES)]
    heavy = await select("How heavy is the Kelmar B12?", far, reranker, are_near=False)
    assert heavy.pieces
    bread = await select("How do I bake bread?", far, reranker, are_near=False)
    assert bread.pieces == ()
    assert bread.estimate is not None
    assert bread.estimate.probability < 0.5


async def test_far_passages_without_a_calibration_hold_no_answer(reranker: Reranker) -> None:
    question = "How heavy is the Kelmar B12?"
    assert await select(question, (BUOY,), None, are_near=False) == Selection()
    assert await select(question, (BUOY,), ForeignReranker(), are_near=False) == Selection()


async def test_without_a_reranker_there_is_no_estimate() -> None:
    selection = await select("How heavy is the Kelmar B12 buoy?", (BUOY, RULES), None)
    assert selection.pieces
    assert selection.estimate is None


async def test_another_reranker_has_no_estimate() -> None:
    selection = await select("How heavy is the Kelmar B12?", (BUOY, RULES), ForeignReranker())
    assert selection.pieces
    assert selection.estimate is None


async def test_another_language_has_no_estimate(reranker: Reranker) -> None:
    german = passage(
        "Die Boje Kelmar B12 ist 2,1 Meter hoch und wiegt 140 kg. Sie wurde 2019 geliefert.",
        title="Kelmar B12",
        score=5.0,
    )
    selection = await select("Wie schwer ist die Boje Kelmar B12?", (german,), reranker)
    assert selection.estimate is None


def test_names_are_masked_in_question_and_answer_alike() -> None:
    assert masked("How heavy is the Kelmar B12?", "Kelmar B12", "The Kelmar B12 weighs 140 kg.") == (
        "How heavy is the it ?",
        "The it weighs 140 kg.",
    )


def test_the_shipped_calibration_weighs_every_signal() -> None:
    calibration = shipped_calibration()
    assert set(calibration.weights) == set(SIGNAL_NAMES)
    assert calibration.version in CALIBRATIONS
    assert calibration.closed_probability < calibration.answer_from <= calibration.certain_from
    neutral = calibration.estimate(dict.fromkeys(SIGNAL_NAMES, 0.0), is_closed=False)
    assert neutral.probability == pytest.approx(1 / (1 + math.exp(-calibration.intercept)), abs=1e-4)


def test_what_speaks_against_an_answer_never_makes_it_likelier() -> None:
    weights = shipped_calibration().weights
    against = set(SIGNAL_NAMES) - {"answer_logit", "passage_gap"}
    assert all(weights[name] < 0 for name in against)
    assert weights["answer_logit"] > 0


def test_an_article_of_another_language_is_no_attribute() -> None:
    german = passage(
        "Die Boje Kelmar B12 liegt vor der Mole. Sie wurde 2019 geliefert.", title="Boje", score=5.0
    )
    assert not closes_gate("Wo liegt die Boje Kelmar B12 vor Anker?", (german,))


REFUSED = passage(
    "Item 4: the request for a ramp at the west door was withdrawn. The bench by the pond was built in 1988.",
    title="Minutes",
    score=4.0,
)


@pytest.mark.parametrize(
    "question",
    [
        "Why was the ramp at the west door approved?",
        "When was the west door built?",
        "Who decided on item 7?",
    ],
)
async def test_what_was_refused_or_is_not_stated_is_not_answered(reranker: Reranker, question: str) -> None:
    selection, _ = await estimated(reranker, question, REFUSED)
    assert selection.pieces == ()


async def test_a_sentence_about_another_number_of_the_thing_closes_the_gate(reranker: Reranker) -> None:
    care = passage(
        "Vacuum the grille of the Calda 120 every three months. The Calda 80 has a red cap.", score=6.0
    )
    selection, estimate = await estimated(
        reranker, "How often is the grille of the Calda 80 vacuumed?", care, RULES
    )
    assert selection.pieces == ()
    assert estimate.probability <= shipped_calibration().closed_probability


def test_a_change_in_the_other_direction_denies() -> None:
    debt = passage("Net debt rose to 61 million at the end of 2024.")
    for verb, is_denied in (("fall", 1.0), ("rise", 0.0)):
        found = signals(
            f"Why did net debt {verb} in 2024?", pieces(debt)[0], debt.text, [debt], Logits(1.0, 1.0, 1.0)
        )
        assert found["denied"] == is_denied
