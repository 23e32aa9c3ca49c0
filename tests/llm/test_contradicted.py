"""Sentences in a passage's own words that say something else are seen, and true ones are left alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.llm.contradicted import Statement, contradicted
from vital_shared.llm.contradiction import contradicts
from vital_shared.llm.groundedness import groundedness
from vital_shared.models.citation import Citation, Passage
from vital_shared.retrieval.sentences import split

CLAIMS = Path(__file__).parent / "claims"
LEAST_SEEN, MOST_ALARMS = 0.7, 0.03


class Claim(NamedTuple):
    passage: str
    text: str
    is_true: bool


def claims(file: Path) -> Iterator[Claim]:
    """Read lines that begin with P for a passage, T for a true claim and F, with a kind, for a false one."""
    passage = ""
    for line in file.read_text().splitlines():
        kind, _, text = line.partition(" ")
        if kind == "P":
            passage = text
        else:
            yield Claim(passage, text if kind == "T" else text.partition(": ")[2], kind == "T")


async def test_few_free_paraphrases_are_taken_for_false():
    """The claims of ``fifth.txt`` say things in other words; half of them were never looked at one by one."""
    known = list(claims(CLAIMS / "fifth.txt"))
    seen = await contradicted([Statement(claim.text, (claim.passage,)) for claim in known], None)
    false = [place for place, claim in enumerate(known) if not claim.is_true]
    assert len(seen.intersection(false)) >= 0.66 * len(false)
    assert len(seen.difference(false)) <= 0.08 * (len(known) - len(false))


@pytest.mark.parametrize(
    "claim",
    [
        "If a seat has been booked, a ticket cannot be changed.",
        "A ticket cannot be changed if its seat has been booked.",
    ],
)
def test_unless_is_if_not(claim):
    assert not contradicts(claim, ["A ticket can be changed unless the seat has been booked."])


def test_if_in_the_place_of_unless_contradicts():
    source = "A ticket can be changed unless the seat has been booked."
    assert contradicts("A ticket can be changed if the seat has been booked.", [source])


@pytest.mark.parametrize("name", ["first", "second", "third", "fourth"])
async def test_false_claims_are_seen_and_true_ones_are_not_taken_for_false(name):
    known = list(claims(CLAIMS / f"{name}.txt"))
    seen = await contradicted([Statement(claim.text, (claim.passage,)) for claim in known], None)
    false = [place for place, claim in enumerate(known) if not claim.is_true]
    assert len(seen.intersection(false)) >= LEAST_SEEN * len(false)
    assert len(seen.difference(false)) <= MOST_ALARMS * (len(known) - len(false))


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("The valve does not need oil.", "The valve needs oil."),
        ("The valve needs no oil.", "The valve needs oil."),
        ("Lanterns are cheaper than torches.", "Torches are cheaper than lanterns."),
        ("The shop is closed on Sundays.", "The shop is open on Sundays."),
        ("All members may vote.", "Most members may vote."),
        ("The trip takes 40 hours.", "The trip takes 40 minutes."),
        ("Use it after the meal.", "Use it before the meal."),
        ("The hall holds at least 90 guests.", "The hall holds at most 90 guests."),
        ("Adults pay 5 euros and children 9 euros.", "Adults pay 9 euros and children 5 euros."),
        ("Ida Brandt hired Per Holm.", "Per Holm hired Ida Brandt."),
        ("It runs from May to March.", "It runs from March to May."),
    ],
)
def test_what_turns_a_meaning_round_is_seen(claim, passage):
    assert contradicts(claim, [passage])


@pytest.mark.parametrize(
    ("claim", "passage"),
    [
        ("Torches cost less than lanterns.", "Torches are cheaper than lanterns."),
        ("Lanterns are more expensive than torches.", "Torches are cheaper than lanterns."),
        ("Ida Brandt was hired by Per Holm.", "Per Holm hired Ida Brandt."),
        ("Children pay 5 euros, adults 9 euros.", "Adults pay 9 euros and children 5 euros."),
        ("The shop is not closed on Sundays.", "The shop is open on Sundays."),
        ("Never use it without a lid.", "Use it only with a lid."),
    ],
)
def test_the_same_in_other_words_is_no_contradiction(claim, passage):
    assert not contradicts(claim, [passage])


async def test_quotes_and_other_languages_are_left_alone():
    passage = "Use no oil. Nicht ölen, das Ventil braucht kein Öl."
    quoted = Statement("Use no oil.", (passage,))
    german = Statement("Das Ventil braucht viel Öl und muss oft geölt werden.", (passage,))
    assert await contradicted([quoted, german], None) == set()


class Judge:
    """Gives every claim one logit."""

    def __init__(self, logit: float) -> None:
        self.logit = logit

    async def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.full(len(pairs), self.logit, np.float32)


@pytest.mark.parametrize(("logit", "seen"), [(1.0, set()), (-2.0, {0}), (-5.5, {0, 1})])
async def test_the_model_confirms_what_the_words_see_or_sees_more(logit, seen):
    passage = "The shop is open on Sundays and sells bread."
    statements = [
        Statement("The shop is closed on Sundays.", (passage,)),
        Statement("Bread is what the shop sells.", (passage,)),
    ]
    assert await contradicted(statements, Judge(logit)) == seen


async def grounded(text: str, passage: str) -> float:
    common = {"document_id": "d", "title": "Staff", "uri": "", "section": "", "source": "memory"}
    citation = Citation(number=1, passage_id="1", quote="", **common)
    grounding = await groundedness(text, [citation], [Passage(id="1", text=passage, score=1.0, **common)])
    assert grounding is not None
    return grounding.share


async def test_an_answer_that_turns_its_source_round_is_not_backed():
    passage = "The pool is open in winter and closed in summer."
    assert await grounded("The pool is closed in winter [1].", passage) == 0
    assert await grounded("In winter the pool is open [1].", passage) == 1


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("Weber treats eye diseases on Mondays [1].", 0),
        ("Weber Klinik treats eye diseases on Mondays [1].", 0),
        ("Weiss treats eye diseases on Mondays [1].", 1),
        ("Treatment is on Mondays for eye diseases by Weiss [1].", 1),
    ],
)
async def test_a_name_at_the_start_of_a_sentence_has_to_be_the_sources(text, share):
    assert await grounded(text, "Dr. Weiss treats eye diseases on Mondays.") == share


@given(st.text(max_size=120), st.text(max_size=200))
def test_any_text_can_be_compared(claim, passage):
    contradicts(claim, [sentence.strip() for sentence in split(passage)])
    assert not contradicts(passage, [passage]) or len(list(split(passage))) > 1
