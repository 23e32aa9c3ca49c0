"""Whether an answer says what its sources say."""

from __future__ import annotations

import pytest
from tests.retrieval.passages import passage

from vital_shared.llm.extractive import NO_ANSWER
from vital_shared.llm.groundedness import groundedness
from vital_shared.models.citation import Citation, Passage
from vital_shared.models.tool import ToolResult

TOWER = passage(
    "The granite tower was designed by Ingrid Vasa and lit in 1809. It is 41 metres high. "
    "The keeper had thirty days of leave and earned 1,200 crowns.",
    title="The Skarn lighthouse",
)
CANAL = passage("The canal was dug by Jakob Thorsen and has 23 locks.")


def cite(number: int, source: Passage) -> Citation:
    return Citation(
        number=number,
        passage_id=source.id,
        document_id=source.document_id,
        title=source.title,
        uri=source.uri,
        quote=source.text,
        source=source.source,
    )


CITATIONS = [cite(1, TOWER), cite(2, CANAL)]


def check(text: str, results: tuple[ToolResult, ...] = ()) -> float | None:
    return groundedness(text, CITATIONS, [TOWER, CANAL], results)


@pytest.mark.parametrize(
    "text",
    [
        "The tower was designed by Ingrid Vasa [1].",
        "The granite tower was lit in 1809. [1] It is 41 metres high. [1]",
        "The granite tower of the Skarn lighthouse is 41 metres high [1], and the canal has 23 locks [2].",
        "The keeper had 30 days of leave and earned 1200 crowns. [1]",
        "The tower:\n- was designed by Ingrid Vasa;\n- is 41 metres high. [1]",
        "## Answer\n\nHere is what the sources say:\n\nThe canal has 23 locks. [2]",
    ],
)
def test_what_the_cited_passages_say_is_backed(text: str) -> None:
    assert check(text) == 1.0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("The tower was lit in 1810. [1]", "a made-up number"),
        ("The tower was designed by Jakob Thorsen. [1]", "a name of another passage"),
        ("The granite tower was designed by Anna Vasa. [1]", "a made-up name"),
        ("The canal has 23 locks. [1]", "another passage cited"),
        ("The canal has 23 locks.", "no citation"),
        ("The canal has 23 locks. [7]", "a citation that does not exist"),
        ("Whales rest near harbours because plankton drifts past. [1]", "other words"),
    ],
)
def test_what_they_do_not_say_is_not_backed(text: str, what: str) -> None:
    assert check(text) == 0.0, what


def test_the_share_of_backed_sentences_is_returned() -> None:
    assert check("The canal has 23 locks. [2] It has 24 bridges. [2]") == 0.5


@pytest.mark.parametrize(
    "text",
    [NO_ANSWER, "I don't know.", "The documents do not say how deep the canal is.", "", "What do you mean?"],
)
def test_an_abstention_claims_nothing(text: str) -> None:
    assert check(text) is None


def test_without_sources_nothing_can_be_checked() -> None:
    assert groundedness("The sky is blue.", [], []) is None
    assert groundedness("The sky is blue. [1]", [], []) == 0.0


def test_uncited_sentences_may_rest_on_tools() -> None:
    found = ToolResult(id="1", name="calculator", arguments={}, status="success", content="6 * 7 = 42")
    failed = found.model_copy(update={"status": "failed"})
    assert check("Calculator: 6 * 7 = 42", (found,)) == 1.0
    assert check("Calculator: 6 * 7 = 42", (failed,)) == 0.0
    assert check("Calculator: 6 * 7 = 43", (found,)) == 0.0
