"""Scores of the real cross-encoder."""

from __future__ import annotations

import numpy as np

from vital_shared.retrieval.rerank import Reranker

QUESTION = "How many locks does the canal have?"
TEXTS = ["Honey never spoils.", "The canal has 23 locks.", "The canal was dug by soldiers. " * 200]


async def test_the_answer_scores_best_and_the_rest_far_below(reranker: Reranker) -> None:
    scores = await reranker.score(QUESTION, TEXTS)
    assert scores.dtype == np.float32
    assert np.argmax(scores) == 1
    assert scores[1] > 4
    assert scores[0] < -8


async def test_scores_stand_in_the_order_of_the_texts_whatever_their_company(reranker: Reranker) -> None:
    scores = await reranker.score(QUESTION, TEXTS)
    for text, score in zip(TEXTS, scores, strict=True):
        assert await reranker.score(QUESTION, [text]) == [score]


async def test_no_texts_give_no_scores(reranker: Reranker) -> None:
    assert (await reranker.score(QUESTION, [])).shape == (0,)
