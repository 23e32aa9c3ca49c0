"""Merging what sources found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.retrieval.passages import passage

from vital_shared.models.retrieval_tuning import SHIPPED_TUNING, RetrievalTuning
from vital_shared.retrieval.fusion import Fusion
from vital_shared.retrieval.rerank import Reranker

CANAL = "The canal is 67 kilometres long and has 23 locks between the river and the lake."
HONEY = "Honey is ripe when at least two thirds of the cells in a frame are capped."
LEASE = "Tenants may end the lease with four weeks' notice to the landlord."


async def test_the_reranker_decides_the_order_and_the_score(reranker: Reranker) -> None:
    found = {"memory": [passage(HONEY, score=1.0), passage(CANAL, score=0.4)]}
    result = await Fusion(reranker).merge("How long is the canal?", found, limit=2)
    assert [p.text for p in result.passages] == [CANAL, HONEY]
    assert result.passages[0].score > 4 > -4 > result.passages[1].score
    assert result.answerable


async def test_all_scores_of_a_list_are_on_one_scale(reranker: Reranker) -> None:
    """The first two settle it, so that the others are not reranked: their own scores of 0 to 1 are no logits."""
    others = [passage(f"{HONEY} Hive {number}.", score=0.9 - number / 10) for number in range(6)]
    found = {"memory": [passage(CANAL, score=1.0), *others]}
    result = await Fusion(reranker).merge("How long is the canal?", found, limit=6)
    scores = [each.score for each in result.passages]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 6
    assert scores[0] > 4
    assert max(scores[1:]) < -4


async def test_off_topic_is_not_answerable(reranker: Reranker) -> None:
    found = {"memory": [passage(HONEY, score=1.0), passage(CANAL, score=0.9)]}
    result = await Fusion(reranker).merge("Which team won the cup in 2018?", found, limit=5)
    assert not result.answerable
    assert result.passages[0].score < SHIPPED_TUNING.answerable_logit


async def test_nothing_found_is_not_answerable(reranker: Reranker) -> None:
    for fusion in (Fusion(reranker), Fusion(None)):
        result = await fusion.merge("Anything?", {"memory": [], "pinecone": []}, limit=5)
        assert (result.passages, result.answerable) == ((), False)


async def test_headings_count_for_the_reranker(reranker: Reranker) -> None:
    texts = [passage("It takes five days.", title="Cheese"), passage("It takes nine days.", title="Wine")]
    result = await Fusion(reranker).merge("How long does the wine take?", {"memory": texts}, limit=1)
    assert result.passages[0].title == "Wine"


async def test_copies_are_left_out() -> None:
    found = {
        "memory": [
            passage(CANAL, score=1.0),
            passage(CANAL + " It is old.", score=0.9),
            passage(HONEY, score=0.5),
        ],
        "pinecone": [
            passage(f"  {CANAL}\n", score=0.7, source="pinecone"),
            passage(LEASE, score=0.2, source="pinecone"),
        ],
    }
    result = await Fusion(None).merge("How long is the canal?", found, limit=9)
    assert [p.text for p in result.passages] == [CANAL, HONEY, LEASE]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The annual fee for a mooring at the town quay is 40 dollars in 2022, due before the season.",
         "The annual fee for a mooring at the town quay is 55 dollars in 2025, due before the season."),
        ("Applications for the summer course close on the last Friday of March each year, at noon.",
         "Applications for the summer course close on the last Friday of April each year, at noon."),
        ("Boats of the northern harbour of Alma may be lifted with the old crane by its crew.",
         "Boats of the northern harbour of Berg may be lifted with the old crane by its crew."),
        ("Guests may use the boat house kitchen after ten in the evening when the warden agrees.",
         "Guests may not use the boat house kitchen after ten in the evening when the warden agrees."),
        ("A permit for the lower lake lasts two weeks and covers rods, nets and one boat for a family.",
         "A permit for the lower lake lasts three weeks and covers rods, nets and one boat for a family."),
    ],
    ids=["numbers", "months", "names", "denials", "number words"],
)  # fmt: skip
async def test_passages_that_differ_in_a_particular_are_no_copies(one: str, other: str) -> None:
    found = {"memory": [passage(one, score=1.0), passage(other, score=0.9)]}
    assert len((await Fusion(None).merge("fee", found, limit=9)).passages) == 2


async def test_the_same_text_under_the_titles_of_two_years_is_kept_twice() -> None:
    text = "The fee is due before the first of the month and is paid at the office."
    notices = [passage(text, title=f"Notice of {year}", score=1.0) for year in (2024, 2025)]
    assert len((await Fusion(None).merge("fee", {"memory": notices}, limit=9)).passages) == 2


async def test_what_two_sources_found_comes_first_and_scales_do_not_matter() -> None:
    found = {
        "memory": [passage(HONEY, score=0.010), passage(CANAL, score=0.009)],
        "pinecone": [passage(LEASE, score=90.0), passage(CANAL, score=80.0)],
    }
    result = await Fusion(None).merge("canal", found, limit=9)
    assert result.passages[0].text == CANAL


async def test_a_source_without_scores_gives_an_order() -> None:
    result = await Fusion(None).merge(
        "honey", {"memory": [passage(HONEY), passage(CANAL), passage(LEASE)]}, limit=2
    )
    assert [p.text for p in result.passages] == [HONEY, CANAL]


async def test_without_a_reranker_shared_words_open_the_gate() -> None:
    found = {"memory": [passage(CANAL, score=1.0)]}
    assert (await Fusion(None).merge("How long is the canal?", found, limit=5)).answerable
    assert not (await Fusion(None).merge("Which team won the cup?", found, limit=5)).answerable


class PrefersLeases:
    """Scores by the last line's first word."""

    name = "prefers-leases"

    def scorer(self, query: str) -> str:
        return self.name

    async def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        logits = {"The": -4.0, "Honey": -3.0, "Tenants": -2.0}
        return np.array([logits[text.splitlines()[-1].split()[0]] for text in texts], np.float32)


@pytest.mark.parametrize(("weight", "first"), [(0.0, LEASE), (40.0, CANAL)])
async def test_the_order_of_the_sources_counts_as_much_as_the_tuning_says(weight: float, first: str) -> None:
    found = {
        "memory": [passage(CANAL, score=1.0), passage(HONEY, score=0.8), passage(LEASE, score=0.6)],
    }
    tuning = RetrievalTuning(name="tuned", source_weight=weight)
    result = await Fusion(PrefersLeases()).merge_by(tuning, "canal", found, limit=3)
    assert result.passages[0].text == first
    scores = [each.score for each in result.passages]
    assert scores == sorted(scores, reverse=True)
    assert result.tuning == tuning


async def test_the_gate_judges_the_rerankers_best_score_whatever_orders_the_passages() -> None:
    found = {"memory": [passage(CANAL, score=1.0), passage(HONEY, score=0.2)]}
    for weight in (0.0, 40.0):
        for gate, is_open in ((-3.5, True), (-2.5, False)):
            tuning = RetrievalTuning(source_weight=weight, answerable_logit=gate)
            result = await Fusion(PrefersLeases()).merge_by(tuning, "canal", found, limit=3)
            assert (result.top_logit, result.answerable) == (-3.0, is_open)
