"""AG-UI: each event is one of its own package's, in an order that its specification allows."""

import json
from collections.abc import Iterator

import pytest
from ag_ui.core import Event, EventType, RunAgentInput, UserMessage
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.ai_engine.harness import SUM, Serve, Service, SteppedModel

from ai_engine.protocols.agui.events import EventWriter
from vital_shared.events.encoding import encode
from vital_shared.models.event import (
    EventAdapter,
    NodeFinished,
    NodeStarted,
    Reasoning,
    RunFailedEvent,
    RunStarted,
    Superseded,
    Token,
    ToolFinished,
    ToolStarted,
)
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.models.workflow_io import WorkflowMode

_event = TypeAdapter(Event)
CANNED = {"mode": "2", "agent_id": "canned"}


@pytest.fixture
async def service(service: Service) -> Service:
    agent = await service.services.agents.get("generalist", tenant_id=None)
    for name in ("canned", "stepped"):
        await service.services.agents.save(
            agent.model_copy(update={"id": name, "model": name}), tenant_id=None
        )
    return service


def asked(query="How long does the review take?", *before, **fields) -> dict:
    """What a client sends, written by the package."""
    messages = [*before, UserMessage(id="last", role="user", content=query)]
    given = {"thread_id": "thread-1", "run_id": "run-1", "messages": messages} | fields
    return json.loads(RunAgentInput(**given).model_dump_json(by_alias=True))


def read(text: str) -> list:
    """Read events, strictly: nothing but `data:` lines, and nothing but events of AG-UI."""
    events = []
    for frame in text.split("\n\n"):
        if frame and not frame.startswith(":"):
            assert frame.startswith("data: ")
            events.append(_event.validate_json(frame.removeprefix("data: ")))
    check(events)
    return events


SPANS = {
    "message_id": (EventType.TEXT_MESSAGE_START, EventType.TEXT_MESSAGE_CONTENT, EventType.TEXT_MESSAGE_END),
    "tool_call_id": (EventType.TOOL_CALL_START, EventType.TOOL_CALL_ARGS, EventType.TOOL_CALL_END),
    "step_name": (EventType.STEP_STARTED, None, EventType.STEP_FINISHED),
}
"""What begins, goes on and ends, by what names it."""

THOUGHTS = {
    "message_id": (
        EventType.REASONING_MESSAGE_START,
        EventType.REASONING_MESSAGE_CONTENT,
        EventType.REASONING_MESSAGE_END,
    )
}


def check(events: list) -> None:
    """What the specification says of the order in a stream."""
    assert events[0].type in (EventType.RUN_STARTED, EventType.RUN_ERROR)
    *_, last = events
    for name, (start, content, end) in [*SPANS.items(), *THOUGHTS.items()]:
        under_way, seen = set(), set()
        for event in events:
            what = getattr(event, name, None)
            if event.type == start:
                assert what not in under_way
                assert name == "step_name" or what not in seen
                under_way.add(what)
                seen.add(what)
            elif event.type == content:
                assert what in under_way
                assert event.delta
            elif event.type == end:
                under_way.remove(what)
        assert last.type != EventType.RUN_FINISHED or not under_way
    ends = (EventType.RUN_FINISHED, EventType.RUN_ERROR)
    assert [event for event in events if event.type in ends] == [last]


async def post(service: Service, body: dict, **params) -> list:
    response = await service.client.post("/v1/agui", json=body, params=CANNED | params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return read(response.text)


def text(events: list) -> str:
    return "".join(event.delta for event in events if event.type == EventType.TEXT_MESSAGE_CONTENT)


def of(events: list, kind: EventType) -> list:
    return [event for event in events if event.type == kind]


async def test_a_question_is_a_run_with_steps_text_citations_and_usage(service: Service) -> None:
    events = await post(service, asked())
    started, finished = events[0], events[-1]
    assert (started.thread_id, started.run_id, started.protocol_version) == ("thread-1", "run-1", "1.0")
    assert text(events) == "It takes 42 days [1]."
    assert (finished.thread_id, finished.run_id, finished.outcome.type) == ("thread-1", "run-1", "success")
    assert finished.result["run_id"] == started.metadata["vital"]["run_id"]
    assert finished.result["response"] == text(events)
    assert (finished.usage[0].model, finished.usage[0].output_tokens) == ("canned", 5)
    steps = [event.step_name for event in of(events, EventType.STEP_STARTED)]
    assert {"load_agent", "rag_retrieval"} <= set(steps)
    custom = {event.name: event.value for event in of(events, EventType.CUSTOM)}
    assert custom["citation"]["number"] == 1
    assert {"source", "status", "documents", "duration_seconds"} == set(custom["retrieval"])


async def test_text_goes_out_word_by_word(service: Service, model: SteppedModel) -> None:
    body, params = asked(), {"mode": "2", "agent_id": "stepped"}
    words = []
    async with service.client.stream("POST", "/v1/agui", json=body, params=params) as response:
        model.step()
        async for line in response.aiter_lines():
            if "TEXT_MESSAGE_CONTENT" in line:
                words.append(json.loads(line.removeprefix("data: "))["delta"])
                model.step()
    assert words == ["one ", "two ", "three "]


async def test_approval_is_an_interrupt_and_the_next_run_resumes(service: Service) -> None:
    paused = await post(service, asked(SUM), mode="1")
    outcome = paused[-1].outcome
    assert outcome.type == "interrupt"
    (interrupt,) = outcome.interrupts
    (call,) = of(paused, EventType.TOOL_CALL_START)
    assert (interrupt.reason, interrupt.tool_call_id) == ("tool_call", call.tool_call_id)
    assert interrupt.response_schema["required"] == ["approved"]
    answer = {"interruptId": interrupt.id, "status": "resolved", "payload": {"approved": True}}
    resumed = await post(service, asked(SUM, run_id="run-2", resume=[answer]))
    assert (resumed[0].type, resumed[0].run_id) == (EventType.RUN_STARTED, "run-2")
    assert not of(resumed, EventType.TOOL_CALL_START)  # the client has it from the first
    (result,) = of(resumed, EventType.TOOL_CALL_RESULT)
    assert (result.tool_call_id, result.role) == (call.tool_call_id, "tool")
    assert "425" in result.content
    assert resumed[-1].outcome.type == "success"
    again = await post(service, asked(SUM, run_id="run-3", resume=[answer]))
    assert [event.type for event in again] == [EventType.RUN_ERROR]


@pytest.mark.parametrize(
    "answer", [{"status": "resolved", "payload": {"approved": False}}, {"status": "cancelled"}]
)
async def test_who_denies_or_gives_up_gets_an_answer_without_the_tool(service: Service, answer: dict) -> None:
    paused = await post(service, asked(SUM), mode="1")
    (interrupt,) = paused[-1].outcome.interrupts
    resumed = await post(service, asked(SUM, resume=[{"interruptId": interrupt.id} | answer]))
    assert resumed[-1].outcome.type == "success"
    assert [result["status"] for result in resumed[-1].result["tool_results"]] == ["denied"]


async def test_a_resume_that_does_not_fit_is_reported_as_an_error(service: Service) -> None:
    paused = await post(service, asked(SUM), mode="1")
    (interrupt,) = paused[-1].outcome.interrupts
    yes = {"interruptId": interrupt.id, "status": "resolved", "payload": {"approved": True}}
    wrong = {
        "no run": [yes | {"interruptId": "run_nobody/call-1"}],
        "another call": [yes | {"interruptId": interrupt.id + "1"}],
        "twice": [yes, yes],
        "several runs": [yes, yes | {"interruptId": "run_other/call-1"}],
        "no answer": [yes | {"payload": {"approved": "perhaps"}}],
    }
    for name, resume in wrong.items():
        (error,) = await post(service, asked(SUM, resume=resume))
        assert error.type == EventType.RUN_ERROR, name
        assert error.message
    (error,) = await post(service, asked(SUM, thread_id="thread-2", resume=[yes]))
    assert "thread" in error.message
    assert (await post(service, asked(SUM, resume=[yes])))[-1].outcome.type == "success"


async def test_the_client_keeps_the_conversation(serve: Serve, service: Service) -> None:
    earlier = [
        {"id": "0", "role": "system", "content": "Be a pirate."},
        {"id": "1", "role": "user", "content": [{"type": "text", "text": "What is a review?"}]},
        {"id": "2", "role": "assistant", "content": "It is a look at something."},
        {"id": "3", "role": "assistant", "toolCalls": []},
        {"id": "4", "role": "tool", "toolCallId": "x", "content": "42"},
    ]
    body = asked()
    body["messages"] = earlier + body["messages"]
    events = await post(service, body, mode="4")
    record = await service.services.runs.get(
        events[-1].result["run_id"], tenant_id="default", now=service.services.now()
    )
    assert [message.content for message in record.input.messages] == [
        "What is a review?",
        "It is a look at something.",
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"id": "1", "role": "assistant", "content": "Hello"}]}, "messages"),
        ({"messages": [{"id": "1", "role": "nobody", "content": "Hello"}]}, "messages"),
        ({"threadId": None}, "threadId"),
    ],
)
async def test_what_is_no_question_is_refused(service: Service, change: dict, field: str) -> None:
    response = await service.client.post("/v1/agui", json=asked() | change, params=CANNED)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].startswith(field)


@pytest.mark.parametrize("params", [{"mode": "5"}, {"agent_id": "nobody"}, {"agent_id": "no/body"}])
async def test_whom_there_is_not_is_refused(service: Service, params: dict) -> None:
    response = await service.client.post("/v1/agui", json=asked(), params=CANNED | params)
    assert response.status_code == 422


async def test_a_run_that_fails_and_one_that_is_cancelled_say_so() -> None:
    def end(kind: str):
        writer = EventWriter("t", "r")
        began = RunStarted(run_id="ours", seq=1, mode=WorkflowMode.MODE_2)
        step = NodeStarted(run_id="ours", seq=2, node="a")
        over = RunFailedEvent(run_id="ours", seq=3, error_type=kind, message="It broke.")
        return read(writer(b"".join(map(encode, (began, step, over)))).decode())[-1]

    assert (end("timeout").type, end("timeout").code) == (EventType.RUN_ERROR, "timeout")
    assert end("cancelled").outcome.type == "cancelled"


def test_what_does_not_count_any_more_is_named_and_follows_as_other_messages() -> None:
    writer = EventWriter("t", "r")
    lost = [
        RunStarted(run_id="ours", seq=1, mode=WorkflowMode.MODE_2),
        Token(run_id="ours", seq=2, text="Half a"),
        ToolStarted(run_id="ours", seq=3, tool=ToolCall(**CALL)),
        Token(run_id="ours", seq=4, text=" sentence"),
        Superseded(run_id="ours", seq=5, epoch=1, from_seq=3),
        ToolStarted(run_id="ours", seq=6, epoch=1, tool=ToolCall(**CALL)),
        Token(run_id="ours", seq=7, epoch=1, text="Again"),
        RunFailedEvent(run_id="ours", seq=8, epoch=1, error_type="cancelled", message="It was cancelled."),
    ]
    reported = read(writer(b"".join(map(encode, lost))).decode())
    (void,) = [event for event in of(reported, EventType.CUSTOM) if event.name == "superseded"]
    kept, dropped, new = [event.message_id for event in of(reported, EventType.TEXT_MESSAGE_START)]
    assert void.value == {"message_ids": [dropped]}
    assert len({kept, dropped, new}) == 3
    assert len(of(reported, EventType.TOOL_CALL_START)) == 1


CALL = {"id": "call-1", "name": "calculator", "arguments": {"expression": "1 + 1"}}


def happening() -> st.SearchStrategy[list]:
    """Runs of any events, in any order, that end."""
    numbered = st.sampled_from(
        [
            lambda seq: Token(run_id="ours", seq=seq, text="word "),
            lambda seq: Reasoning(run_id="ours", seq=seq, text="thought "),
            lambda seq: NodeStarted(run_id="ours", seq=seq, node="a"),
            lambda seq: NodeFinished(run_id="ours", seq=seq, node="a", status="success", duration_seconds=0),
            lambda seq: NodeStarted(run_id="ours", seq=seq, node="b"),
            lambda seq: ToolStarted(run_id="ours", seq=seq, tool=ToolCall(**CALL)),
            lambda seq: ToolFinished(run_id="ours", seq=seq, result=ToolResult(**CALL, status="success")),
        ]
    )

    def whole(makers: list) -> list:
        last = len(makers) + 2
        return [
            RunStarted(run_id="ours", seq=1, mode=WorkflowMode.MODE_2),
            *(make(number) for number, make in enumerate(makers, 2)),
            RunFailedEvent(run_id="ours", seq=last, error_type="cancelled", message="It was cancelled."),
        ]

    return st.lists(numbered, max_size=20).map(whole)


@given(happening(), st.data())
def test_whatever_happens_and_however_it_comes_it_is_in_order(events: list, data: st.DataObject) -> None:
    writer, sent = EventWriter("t", "r"), b""
    for piece in pieces(events, data):
        sent += writer(b"".join(map(encode, piece)))
    reported = read(sent.decode())
    assert text(reported) == "word " * sum(event.type == "token" for event in events)
    thoughts = of(reported, EventType.REASONING_MESSAGE_CONTENT)
    assert "".join(event.delta for event in thoughts) == "thought " * sum(
        event.type == "reasoning" for event in events
    )
    assert all(EventAdapter.validate_json(event.model_dump_json()) for event in events)


def pieces(events: list, data: st.DataObject) -> Iterator[list]:
    at = 0
    while at < len(events):
        size = data.draw(st.integers(1, len(events) - at))
        yield events[at : at + size]
        at += size


IMAGE = {"type": "image", "source": {"type": "url", "value": "https://example.com/a.png"}}


async def test_what_is_not_text_is_left_out_of_earlier_messages_with_a_warning(service: Service) -> None:
    body = asked()
    body["messages"].insert(
        0, {"id": "0", "role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE]}
    )
    body["messages"].insert(1, {"id": "1", "role": "wizard", "content": {"anything": 1}})
    response = await service.client.post("/v1/agui", json=body, params={"mode": "4", "agent_id": "canned"})
    assert response.status_code == 200, response.text
    notes = [event.value for event in read(response.text) if event.type == EventType.CUSTOM]
    assert any("image" in str(note) for note in notes)


@pytest.mark.parametrize("content", [[IMAGE], "", " ", None, "x" * 10_001, 7, [{"type": "hologram"}]])
async def test_a_question_that_cannot_be_read_names_its_message(service: Service, content: object) -> None:
    body = asked()
    body["messages"][-1]["content"] = content
    response = await service.client.post("/v1/agui", json=body, params=CANNED)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].startswith("messages.0.content")


@pytest.mark.parametrize("field", ["tools", "context", "state", "forwardedProps", "resume", "parentRunId"])
async def test_null_is_as_left_out(service: Service, field: str) -> None:
    response = await service.client.post("/v1/agui", json=asked() | {field: None}, params=CANNED)
    assert read(response.text)[-1].type == EventType.RUN_FINISHED
