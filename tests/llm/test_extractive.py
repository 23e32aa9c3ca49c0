"""Answers in the documents' own words."""

from __future__ import annotations

import itertools
import re

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.base import Cited, ModelEvent, ModelRequest, Stop, TextDelta, Usage
from vital_shared.llm.extractive import NO_ANSWER, ExtractiveComposer
from vital_shared.llm.groundedness import groundedness
from vital_shared.models.citation import Passage
from vital_shared.models.tool import ToolResult, ToolStatus
from vital_shared.retrieval.rerank import Reranker

CANAL = passage(
    "The canal joins the river to the lake. It is 67 kilometres long and has 23 locks. "
    "Work lasted from 1793 to 1811 and cost 2.4 million thalers. Cholera killed 312 workers in 1805.",
    title="The canal",
    score=5.0,
)
BREAD = passage(
    "Bread must cool before it is cut. To bake it, you need:\n\n- a cast-iron pot;\n- an oven at 250 °C;\n"
    "- a thermometer.\n\nThe loaf is done at 96 °C.",
    title="Bread",
    section="Baking",
    score=3.0,
)


async def answer(
    reranker: Reranker | None, question: str, *passages: Passage, **more: object
) -> list[ModelEvent]:
    request = ModelRequest(question=question, passages=passages, **more)
    return [event async for event in ExtractiveComposer(reranker).stream(request)]


def text_of(events: list[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def reason(events: list[ModelEvent]) -> str:
    """Return why the answer ended."""
    stop = events[-1]
    assert isinstance(stop, Stop)
    return stop.reason


def result(content: str, status: ToolStatus = "success", name: str = "calculator") -> ToolResult:
    return ToolResult(id="1", name=name, arguments={}, status=status, content=content)


@pytest.mark.parametrize("with_model", [True, False])
async def test_the_sentence_that_answers_is_quoted_with_its_source(
    reranker: Reranker, with_model: bool
) -> None:
    events = await answer(
        reranker if with_model else None, "How many locks does the canal have?", BREAD, CANAL
    )
    cited, text, usage, stop = events[0], events[1], events[-2], events[-1]
    assert isinstance(cited, Cited)
    assert isinstance(text, TextDelta)
    assert "It is 67 kilometres long and has 23 locks. [" in text_of(events)
    assert text.text.endswith(" [1]")
    assert (cited.citation.number, cited.citation.passage_id) == (1, CANAL.id)
    assert isinstance(stop, Stop)
    assert (usage, stop.reason) == (Usage(), "end")


async def test_each_piece_comes_after_its_citation_and_ends_with_its_number(reranker: Reranker) -> None:
    events = await answer(reranker, "How long is the canal?", CANAL, BREAD)
    by_id = {p.id: p for p in (CANAL, BREAD)}
    numbers = []
    for before, event in itertools.pairwise(events):
        if isinstance(event, TextDelta):
            assert isinstance(before, Cited)
            assert event.text.endswith(f" [{before.citation.number}]")
            assert before.citation.quote in by_id[before.citation.passage_id].text
            numbers.append(before.citation.number)
    assert numbers == list(range(1, len(numbers) + 1))
    assert 1 <= len(numbers) <= 5


async def test_a_list_that_answers_is_quoted_whole(reranker: Reranker) -> None:
    events = await answer(reranker, "What do I need to bake bread?", BREAD, CANAL)
    assert "- a cast-iron pot;\n- an oven at 250 °C;\n- a thermometer. [" in text_of(events)


async def test_the_same_words_in_two_passages_are_quoted_once(reranker: Reranker) -> None:
    copy = CANAL.model_copy(update={"id": "copy", "document_id": "copy"})
    text = text_of(await answer(reranker, "How many locks does the canal have?", CANAL, copy))
    assert text.count("23 locks") == 1


@pytest.mark.parametrize(
    "question",
    [
        "Which team won the football World Cup in 2018?",
        "How much does a ticket for the canal cost?",
        "How long is the Panama canal?",
        "In which year was the canal sold to Emil Larsen?",
    ],
)
async def test_it_abstains_where_the_passages_do_not_hold_the_answer(
    reranker: Reranker, question: str
) -> None:
    events = await answer(reranker, question, CANAL, BREAD)
    assert events[:-1] == [TextDelta(text=NO_ANSWER), Usage()]
    assert reason(events) == "no_answer"


@pytest.mark.parametrize("with_model", [True, False])
async def test_it_abstains_without_passages(reranker: Reranker, with_model: bool) -> None:
    model = reranker if with_model else None
    assert reason(await answer(model, "Why?")) == "no_answer"
    assert reason(await answer(model, "Which team won the cup?", passage("..."))) == "no_answer"


async def test_without_a_reranker_it_abstains_where_few_words_are_shared() -> None:
    assert reason(await answer(None, "Which team won the cup?", CANAL, BREAD)) == "no_answer"


async def test_what_tools_found_comes_first_in_their_own_words(reranker: Reranker) -> None:
    events = await answer(
        reranker, "How many locks does the canal have?", CANAL, tool_results=(result("2 + 2 = 4."),)
    )
    assert text_of(events).startswith("Calculator: 2 + 2 = 4.\n\n")
    assert "has 23 locks. [" in text_of(events)


async def test_a_tool_alone_is_an_answer_and_a_failed_one_is_none(reranker: Reranker) -> None:
    events = await answer(reranker, "What is 2 + 2?", tool_results=(result("2 + 2 = 4"),))
    assert (text_of(events), reason(events)) == ("Calculator: 2 + 2 = 4\n", "end")
    failed = await answer(
        reranker, "What is 2 + 2?", tool_results=(result("", "failed"), result("", "timeout"))
    )
    assert (text_of(failed), reason(failed)) == (NO_ANSWER, "no_answer")


async def test_rows_of_tables_have_lines_of_their_own_and_are_checked_apart(reranker: Reranker) -> None:
    rows = [
        passage(f"Class: {name}; Risk: {risk}; Examples: {examples}", title="Classes of tests", score=4.0)
        for name, risk, examples in (
            ("B", "Moderate individual or low public risk", "Pregnancy tests, cholesterol tests"),
            ("C", "High individual or moderate public risk", "Cancer screening, genetic tests"),
            ("D", "High individual and high public risk", "HIV tests for blood donations"),
        )
    ]
    events = await answer(reranker, "What risk class are pregnancy tests and HIV tests?", *rows)
    quotes = [event.citation.quote for event in events if isinstance(event, Cited)]
    assert len(quotes) > 1
    assert text_of(events).split("\n\n") == [f"{quote} [{place}]" for place, quote in enumerate(quotes, 1)]
    citations = [event.citation for event in events if isinstance(event, Cited)]
    grounding = await groundedness(text_of(events), citations, rows)
    assert grounding.share == 1.0


@pytest.mark.parametrize(
    "question",
    ["How long is the canal?", "What do I need to bake bread?", "When did cholera kill the workers?"],
)
async def test_its_answers_are_grounded(reranker: Reranker, question: str) -> None:
    events = await answer(reranker, question, CANAL, BREAD)
    citations = [event.citation for event in events if isinstance(event, Cited)]
    assert re.search(r"\[1\]", text_of(events))
    grounding = await groundedness(text_of(events), citations, [CANAL, BREAD])
    assert grounding.share == 1.0


def test_it_has_a_name() -> None:
    assert ExtractiveComposer(None).name == "extractive"
