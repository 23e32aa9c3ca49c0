"""Whatever a node yields reaches the caller as an event, the same for every reader."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic_core import from_json, to_json
from tests.workflows.conftest import Open

from vital_shared import Answer, BaseWorkflow, Done, Outcome, TextDelta, Workflow, fan_out, node, repeat
from vital_shared.errors import RunFailed
from vital_shared.graph import MAX_SHOWN_BYTES, NodeError, json_value
from vital_shared.llm.base import ReasoningDelta
from vital_shared.models.event import EventAdapter, NodeYielded, RunFailedEvent, RunFinished, Token
from vital_shared.testing import counted, question


class Finding(BaseModel):
    text: str


@dataclass
class Point:
    x: float


SHOWN: tuple[tuple[Any, Any], ...] = (
    ("text", "text"),
    ("", ""),
    (1, 1),
    (None, None),
    ({"a": (1, 2)}, {"a": [1, 2]}),
    (Finding(text="one"), {"text": "one"}),
    (Point(1.5), {"x": 1.5}),
    (float("nan"), None),
    (TextDelta(text="a draft"), "a draft"),
)


class Report(BaseWorkflow):
    """Yield something of each kind, and answer with plain text."""

    @node
    async def findings(self, query: str) -> AsyncIterator[Any | Done[int]]:
        for value, _ in SHOWN:
            yield value
        yield Done(len(SHOWN))

    @fan_out("item", over="letters")
    async def spelled(self, item: str) -> AsyncIterator[str | Done[str]]:
        yield item.lower()
        yield Done(item)

    @node
    async def letters(self) -> tuple[str, ...]:
        return ("A", "B")

    @node
    async def answer(
        self, findings: int, spelled: tuple[Outcome[str], ...]
    ) -> AsyncIterator[str | Done[Answer]]:
        for piece in ("Nine ", "", "findings ✓."):
            yield piece
        yield Done(Answer(text="Nine findings ✓."))


def asked(**fields):
    return question("How many?", mode="2", model="canned", enable_tools=False, enable_rag=False, **fields)


async def events_of(workflow, **fields):
    return [event async for event in workflow.execute_stream(asked(**fields))]


def yielded(events, node):
    return [event for event in events if isinstance(event, NodeYielded) and event.node == node]


async def test_what_any_node_yields_is_an_event_with_the_nodes_name_and_a_json_value(services):
    events = await events_of(Report(services))
    assert [event.value for event in yielded(events, "findings")] == [shown for _, shown in SHOWN]
    assert all(event.item is None for event in yielded(events, "findings"))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_items_of_a_fan_out_yield_with_their_index(services):
    events = yielded(await events_of(Report(services)), "spelled")
    assert sorted((event.item, event.value) for event in events) == [(0, "a"), (1, "b")]


async def test_plain_text_of_the_answers_node_is_the_tokens_of_the_response(services):
    events = await events_of(Report(services))
    assert [event.text for event in events if isinstance(event, Token)] == ["Nine ", "findings ✓."]
    assert isinstance(events[-1], RunFinished)
    assert events[-1].output.response == "Nine findings ✓."
    assert events[-1].output.timings.time_to_first_token_seconds is not None


async def test_the_times_of_plain_text_are_counted_like_the_built_in_answers(services):
    with counted() as growth:
        await events_of(Report(services))
    assert growth("vital_time_to_first_token_seconds_count", mode="2") == 1
    assert growth("vital_inter_token_seconds_count") == 1


async def test_a_long_text_comes_as_several_tokens(services):
    class Long(Report):
        @node
        async def answer(self, findings: int) -> AsyncIterator[str | Done[Answer]]:
            yield "é" * 120_000
            yield Done(Answer(text="é" * 120_000))

    events = await events_of(Long(services))
    texts = [event.text for event in events if isinstance(event, Token)]
    assert [len(text) for text in texts] == [50_000, 50_000, 20_000]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (object(), "object"),
        ({"a": [object()]}, "dict"),
        ("\ud800", "str"),
        (b"\xff", "bytes"),
        ("x" * MAX_SHOWN_BYTES, "str"),
    ],
    ids=["object", "nested", "half a character", "bytes", "too long"],
)
@pytest.mark.parametrize("place", ["findings", "answer"])
async def test_what_json_cannot_hold_fails_its_node_with_one_sentence(services, value, kind, place):
    if place == "answer" and kind == "str" and value.isascii():
        return

    class Odd(Report):
        @node
        async def findings(self, query: str) -> AsyncIterator[Any | Done[int]]:
            yield value if place == "findings" else 1
            yield Done(1)

        @node
        async def answer(self, findings: int) -> AsyncIterator[Any | Done[Answer]]:
            yield value
            yield Done(Answer(text=""))

    events = await events_of(Odd(services))
    failed = events[-1]
    assert isinstance(failed, RunFailedEvent)
    assert failed.node == place
    assert f"node '{place}' yields a value of type {kind}" in failed.message
    assert "\n" not in failed.message
    for event in events:
        assert EventAdapter.validate_json(event.model_dump_json()) == event


async def test_an_item_that_yields_what_json_cannot_hold_fails_alone(services):
    class Odd(Report):
        @fan_out("item", over="letters")
        async def spelled(self, item: str) -> AsyncIterator[Any | Done[str]]:
            yield object() if item == "A" else item
            yield Done(item)

    events = await events_of(Odd(services))
    assert [event.value for event in yielded(events, "spelled")] == ["B"]
    assert isinstance(events[-1], RunFinished)
    assert events[-1].output.is_degraded


async def test_one_runs_odd_value_leaves_the_streams_of_others_whole(open_services: Open):
    class Odd(Report):
        @node
        async def findings(self, query: str) -> AsyncIterator[Any | Done[int]]:
            yield object()
            yield Done(1)

    services = await open_services()
    with pytest.raises(RunFailed):
        await Odd(services).execute_typed(asked())
    events = await events_of(Report(services))
    assert isinstance(events[-1], RunFinished)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=10,
    )
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_value_is_plain_json_or_refused(value):
    try:
        shown = json_value("n", "yields", value)
    except NodeError:
        with pytest.raises(ValueError, match=r"."):
            from_json(to_json(value, inf_nan_mode="null"))
        return
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    event = NodeYielded(run_id="run", seq=1, node="n", value=shown)
    assert EventAdapter.validate_json(event.model_dump_json()) == event


@pytest.mark.parametrize("piece", ["\ud800", TextDelta(text="\ud800"), ReasoningDelta(text="a \ud800")])
async def test_a_piece_of_an_answer_that_json_cannot_hold_fails_the_run_in_words(services, piece):
    class Halved(BaseWorkflow):
        @node
        async def answer(self, query: str) -> AsyncIterator[str | TextDelta | ReasoningDelta | Done[Answer]]:
            yield "Yes."
            yield piece
            yield Done(Answer(text="Yes."))

    with pytest.raises(RunFailed, match="answer"):
        await Halved(services).execute_typed(question("How long?"))


@pytest.mark.parametrize("is_typed", [False, True])
async def test_a_response_with_half_a_character_fails_in_one_sentence(services, is_typed):
    class Halved(Workflow):
        @node
        async def answer(self, query: str) -> Answer | str:
            return Answer(text="a\ud800") if is_typed else "a\ud800"

    with pytest.raises(
        RunFailed, match="node 'answer' makes a value of type str, which JSON cannot hold: sur"
    ):
        await Halved(services).execute_typed(question("?"))


class Draft(Workflow):
    """Yield a note, and a text that is one mark longer than the query."""

    @node
    async def note(self, query: str) -> AsyncIterator[str | Done[str]]:
        yield "noted"
        yield Done(query)

    @node
    async def answer(self, note: str) -> AsyncIterator[str]:
        yield note
        yield "!"


async def test_what_a_round_yields_has_the_name_of_its_node(services):
    class Polished(Workflow):
        text = repeat(Draft, carry="query", until=lambda text: text.endswith("!!"), limit=4)

        @node
        async def answer(self, text: str) -> str:
            return text

    events = [event for event in await events_of(Polished(services)) if isinstance(event, NodeYielded)]
    rounds = (1, "How many?"), (2, "How many?!")
    pieces = [
        (f"text.{number}.{name}", value)
        for number, text in rounds
        for name, value in (("note", "noted"), ("answer", text), ("answer", "!"))
    ]
    assert [(event.node, event.value) for event in events] == pieces


async def test_rounds_of_a_loop_that_makes_the_answer_are_not_streamed_as_its_text(services):
    class Polished(Workflow):
        answer = repeat(Draft, carry="query", until=lambda text: text.endswith("!!"), limit=4)

    events = await events_of(Polished(services))
    assert [event.text for event in events if isinstance(event, Token)] == ["How many?!!"]
    assert events[-1].output.response == "How many?!!"
    assert [event.node for event in events if isinstance(event, NodeYielded)][:2] == [
        "answer.1.note",
        "answer.1.answer",
    ]
