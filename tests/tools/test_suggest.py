from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from vital_shared.models.tool import ToolCall
from vital_shared.tools.base import tool
from vital_shared.tools.calculator.tool import calculator
from vital_shared.tools.suggest import suggest


def city_in(query: str) -> dict[str, Any] | None:
    found = re.search(r"\bin ([A-Z]\w+)", query)
    return {"city": found[1]} if found else None


@tool(
    keywords=("weather", "how warm"),
    from_query=city_in,
    cost_dollars=Decimal("0.02"),
    requires_approval=False,
)
async def weather(city: str) -> str:
    """Weather of a city."""
    return f"Rain in {city}."


@tool()
async def on_request_only(text: str) -> str:
    """Say nothing about questions."""
    return text


@tool(from_query=lambda _query: {"number": "not a number"})
async def picky(number: int) -> str:
    """Take a number."""
    return str(number)


@tool(from_query=lambda query: {"text": query[10_000]})
async def broken(text: str) -> str:
    """Read past the end of the question."""
    return text


def test_a_keyword_and_arguments_together_suggest_a_tool() -> None:
    assert suggest("How is the weather in Basel?", [weather]) == (
        ToolCall(
            id="call-1",
            name="weather",
            arguments={"city": "Basel"},
            reason="The question gives weather what it needs: city “Basel”.",
            cost_dollars=Decimal("0.02"),
            requires_approval=False,
        ),
    )


@pytest.mark.parametrize(
    "query", ["How is the weather?", "Who lives in Basel?", "Is it weatherproof in Basel?", ""]
)
def test_neither_of_them_alone_does(query: str) -> None:
    assert suggest(query, [weather]) == ()


def test_keywords_may_be_phrases_in_any_case() -> None:
    assert len(suggest("HOW WARM is it in Basel?", [weather])) == 1


def test_a_tool_that_takes_nothing_from_questions_is_never_suggested() -> None:
    assert suggest("Please call on_request_only", [on_request_only]) == ()


def test_arguments_that_do_not_fit_are_no_suggestion() -> None:
    assert suggest("anything", [picky]) == ()


def test_ids_are_unique_and_the_same_each_time() -> None:
    query = "How warm is it in Basel? What is 3 * 4?"
    calls = suggest(query, [weather, on_request_only, calculator])
    assert [(call.id, call.name) for call in calls] == [("call-1", "weather"), ("call-2", "calculator")]
    assert suggest(query, [weather, on_request_only, calculator]) == calls


def test_one_broken_tool_is_logged_and_leaves_the_others_alone() -> None:
    with capture_logs() as logs:
        calls = suggest("What is 3 * 4?", [broken, calculator])
    assert [call.name for call in calls] == ["calculator"]
    assert [(log["event"], log["tool"]) for log in logs] == [("tool_suggestion_failed", "broken")]
