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


async def test_questions_in_other_languages_go_to_the_multilingual_model(model_folders) -> None:
    class Multilingual:
        async def embed_query(self, text: str) -> np.ndarray:
            return np.array([1.0, 0.0], np.float32)

        async def embed_passages(self, texts: list[str]) -> np.ndarray:
            return np.array([[0.8, 0.6], [0.9, 0.4359]], np.float32)

    reranker = Reranker(model_folders["ms-marco-MiniLM-L-12"], Multilingual())
    texts = ["Filtret tvättas två gånger om året.", "The filter is washed twice a year."]
    assert (await reranker.score("Hur ofta ska man rengöra filtret?", texts)).round(3).tolist() == [0.0, 6.0]
    english = await reranker.score("How often is the filter washed?", texts)
    assert english[1] > english[0] + 3
