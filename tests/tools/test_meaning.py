from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs
from tests.retrieval.embedded_models import bge, model_folders  # noqa: F401  # fixtures
from tests.tools.meaning_questions import QUESTIONS, TOOLS

from vital_shared.retrieval.embedding import Embedder
from vital_shared.tools.base import tool
from vital_shared.tools.calculator.tool import calculator
from vital_shared.tools.suggest import Suggester, suggest

DOCUMENTS = Path(__file__).parents[2] / "examples" / "knowledge" / "questions.json"


class Words:
    """Embeds a text as the words that it has: texts with the same ones are near."""

    def __init__(self, error: Exception | None = None) -> None:
        self.embedded: list[str] = []
        self.error = error

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.error is not None:
            raise self.error
        self.embedded += texts
        vectors = np.zeros((len(texts), 256), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().strip("?").split():
                vectors[row, sum(word.encode()) % 256] = 1
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.maximum(norms, 1)).astype(np.float32)


@tool(
    keywords=("rain",), examples=("is it wet in Basel",), from_query=lambda query: {"city": query.split()[-1]}
)
async def wetness(city: str) -> str:
    """Return how wet a city is."""
    return city


@tool(examples=("is it wet in Basel",))
async def ask_anything(query: str, limit: int = 3) -> str:
    """Take a question."""
    return query


@tool(examples=("is it wet in Basel",))
async def needs_more(query: str, city: str) -> str:
    """Take a question and a city."""
    return query + city


@tool()
async def without_examples(query: str) -> str:
    """Say: is it wet in Basel."""
    return query


async def test_a_question_near_an_example_suggests_a_tool_without_its_keyword() -> None:
    (call,) = await Suggester([wetness], Words()).suggest("is it wet in Bern")
    assert (call.name, call.arguments) == ("wetness", {"city": "Bern"})


async def test_a_tool_that_takes_one_text_is_given_the_question() -> None:
    calls = await Suggester([ask_anything, needs_more], Words()).suggest("is it wet in Bern")
    assert [(call.name, call.arguments) for call in calls] == [
        ("ask_anything", {"query": "is it wet in Bern"})
    ]


@pytest.mark.parametrize("query", ["who wrote this standard", "", " "])
async def test_a_question_that_is_far_suggests_nothing(query: str) -> None:
    assert await Suggester([wetness, ask_anything], Words()).suggest(query) == ()


async def test_a_tool_without_examples_is_suggested_by_keywords_alone() -> None:
    words = Words()
    calls = await Suggester([without_examples, calculator], words).suggest("What is 3 * 4?")
    assert calls == suggest("What is 3 * 4?", [calculator])
    assert await Suggester([without_examples], words).suggest("is it wet in Basel") == ()
    assert words.embedded == []


async def test_examples_are_embedded_once() -> None:
    words = Words()
    suggester = Suggester([wetness], words)
    for _ in range(3):
        await suggester.suggest("is it wet in Bern")
    assert words.embedded.count("is it wet in Basel") == 1


@pytest.mark.parametrize("embedder", [None, Words(RuntimeError("no model"))])
async def test_keywords_still_count_without_embeddings(embedder: Any) -> None:
    with capture_logs() as logs:
        (call,) = await Suggester([wetness, ask_anything], embedder).suggest("how much rain is in Bern")
    assert call.name == "wetness"
    assert [log["event"] for log in logs] == ["tool_suggestion_by_meaning_failed"] * (embedder is not None)


async def test_what_the_real_model_suggests_is_right_and_half_of_what_it_might(bge: Embedder) -> None:  # noqa: F811
    documents = [(each["question"], None) for each in json.loads(DOCUMENTS.read_text("utf-8"))]
    suggester = Suggester(TOOLS, bge)
    wrong, right = [], 0
    for query, wanted in (*QUESTIONS, *documents):
        for call in await suggester.suggest(query):
            right += call.name == wanted
            wrong += [(query, call.name)] * (call.name != wanted)
    assert wrong == []
    assert right >= 20
