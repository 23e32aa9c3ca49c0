"""The purposes of texts that Google's clients name: `taskType`."""

from __future__ import annotations

from typing import Any

import pytest

from ai_engine.gateway.gemini_embeddings import GeminiEmbeddingsExchange
from vital_shared.errors import InvalidRequest


def exchange(*tasks: str | None) -> GeminiEmbeddingsExchange:
    content = {"parts": [{"text": "The review takes 42 days."}]}
    requests: list[dict[str, Any]] = [
        {"content": content} | ({} if task is None else {"taskType": task}) for task in tasks
    ]
    return GeminiEmbeddingsExchange({"requests": requests}, is_batch=True, count=len, count_at_most=len)


@pytest.mark.parametrize(
    ("task", "is_query"),
    [
        ("RETRIEVAL_QUERY", True),
        ("QUESTION_ANSWERING", True),
        ("FACT_VERIFICATION", True),
        ("CODE_RETRIEVAL_QUERY", True),
        ("RETRIEVAL_DOCUMENT", False),
        ("SEMANTIC_SIMILARITY", False),
        ("CLASSIFICATION", False),
        ("CLUSTERING", False),
        ("TASK_TYPE_UNSPECIFIED", False),
        (None, False),
    ],
)
def test_the_models_on_this_machine_read_queries_as_questions(task: str | None, is_query: bool) -> None:
    asked = exchange(task)
    asked.check("embedded")
    body = asked.request("embedded", "m", None).body
    assert body.get("input_type") == ("query" if is_query else None)
    asked.check("openai")
    assert asked.request("openai", "m", None).body == {
        "input": ["The review takes 42 days."],
        "encoding_format": "float",
        "model": "m",
    }


@pytest.mark.parametrize("protocol", ["openai", "embedded"])
def test_a_task_that_is_none_is_refused(protocol: str) -> None:
    with pytest.raises(InvalidRequest, match="taskType must be a TaskType of the Gemini API"):
        exchange("RETRIEVAL").check(protocol)
    exchange("RETRIEVAL").check("gemini")  # which knows its own
    with pytest.raises(InvalidRequest, match="must have one taskType"):
        exchange("CLUSTERING", "CLASSIFICATION").check(protocol)
