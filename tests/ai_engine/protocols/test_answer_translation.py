"""Answers in the clients' protocols, read by the providers' decoders and by the official clients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import anthropic
import httpx2
import openai
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ai_engine.protocols.canonical_strategies import answers

from ai_engine.protocols.anthropic.message_answer import MessageAnswerWriter, message_answer
from ai_engine.protocols.canonical.answer import AnswerWriter, CanonicalAnswer, StreamFailure, collected
from ai_engine.protocols.canonical.messages import CanonicalMessage, TextPart
from ai_engine.protocols.canonical.request import CanonicalRequest
from ai_engine.protocols.openai.chat_answer import ChatAnswerWriter, chat_completion
from ai_engine.protocols.responses.response_answer import ResponseAnswerWriter, response_answer
from vital_shared.llm.base import ModelEvent, Stop, StopReason, TextDelta, Usage
from vital_shared.llm.wires.anthropic_stream import AnthropicDecoder
from vital_shared.llm.wires.base import Decoder
from vital_shared.llm.wires.openai_stream import OpenAIDecoder
from vital_shared.llm.wires.sse import EventReader

REQUEST = CanonicalRequest("m", (CanonicalMessage("user", (TextPart("Hello"),)),))
USER: Any = {"role": "user", "content": "Hello"}


def _stream(writer: AnswerWriter, events: Sequence[ModelEvent]) -> bytes:
    return writer.begin() + b"".join(map(writer.write, events)) + writer.end()


def _decoded(stream: bytes, decoder: Decoder, cuts: Sequence[int] = ()) -> CanonicalAnswer:
    """Read a stream that comes in pieces, cut at some bytes."""
    reader = EventReader()
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    pieces = [stream[start:end] for start, end in pairwise(places)]
    data = [each for piece in pieces for each in reader.feed(piece)] + reader.end()
    events = [event for each in data for event in decoder.feed(each)]
    return collected([*events, *decoder.end()])


def _said(answer: CanonicalAnswer) -> tuple[Any, ...]:
    usage = answer.usage.model_dump(exclude={"raw"})
    return answer.text, answer.reasoning, answer.calls, usage, answer.reason


cuts = st.lists(st.integers(0, 10_000), max_size=20)


@settings(max_examples=40)
@given(answers(), cuts)
def test_an_answer_is_the_same_after_openais_stream_however_it_is_cut(
    events: list[ModelEvent], at: list[int]
) -> None:
    stream = _stream(ChatAnswerWriter("m", "id", includes_usage=True), events)
    assert _said(_decoded(stream, OpenAIDecoder("m"), at)) == _said(collected(events))


@settings(max_examples=40)
@given(answers(), cuts)
def test_an_answer_is_the_same_after_anthropics_stream_however_it_is_cut(
    events: list[ModelEvent], at: list[int]
) -> None:
    stream = _stream(MessageAnswerWriter("m", "id"), events)
    assert _said(_decoded(stream, AnthropicDecoder("m"), at)) == _said(collected(events))


@given(answers())
def test_a_whole_answer_says_what_its_stream_says(events: list[ModelEvent]) -> None:
    answer = collected(events)
    message = orjson.dumps(message_answer(answer, "m", "id"))
    assert _said(_decoded(message, AnthropicDecoder("m"))) == _said(answer)
    completion = orjson.dumps(chat_completion(answer, "m", "id"))
    assert _said(_decoded(completion, OpenAIDecoder("m"))) == _said(answer)


@given(answers())
def test_a_response_ends_with_what_its_events_said(events: list[ModelEvent]) -> None:
    stream = _stream(ResponseAnswerWriter(REQUEST, "resp_1"), events)
    sent = [orjson.loads(data) for data in EventReader().feed(stream)]
    assert [event["sequence_number"] for event in sent] == list(range(len(sent)))
    whole = response_answer(collected(events), REQUEST, "resp_1")
    last = sent[-1]["response"]
    assert last | {"created_at": 0} == whole | {"created_at": 0}
    done = [event["item"] for event in sent if event["type"] == "response.output_item.done"]
    assert done == last["output"]
    deltas = "".join(event["delta"] for event in sent if event["type"] == "response.output_text.delta")
    assert deltas == collected(events).text


def _transport(body: bytes, media_type: str = "text/event-stream", status: int = 200) -> httpx2.MockTransport:
    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"Content-Type": media_type})

    return httpx2.MockTransport(respond)


def _openai(body: bytes) -> openai.OpenAI:
    client = httpx2.Client(transport=_transport(body))
    return openai.OpenAI(api_key="k", base_url="http://engine/v1", http_client=client, max_retries=0)


def _anthropic(body: bytes) -> anthropic.Anthropic:
    client = httpx2.Client(transport=_transport(body))
    return anthropic.Anthropic(api_key="k", base_url="http://engine", http_client=client, max_retries=0)


@settings(max_examples=10)
@given(answers())
def test_anthropics_own_client_reads_the_stream(events: list[ModelEvent]) -> None:
    answer = collected(events)
    with (
        _anthropic(_stream(MessageAnswerWriter("m", "msg_1"), events)) as client,
        client.messages.stream(model="m", max_tokens=9, messages=[USER]) as stream,
    ):
        message = stream.get_final_message()
    assert "".join(block.text for block in message.content if block.type == "text") == answer.text
    assert [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"] == [
        (call.id, call.name, call.arguments) for call in answer.calls
    ]
    assert message.usage.output_tokens == answer.usage.output_tokens
    assert message.usage.cache_read_input_tokens == answer.usage.cached_input_tokens


@settings(max_examples=10)
@given(answers())
def test_openais_own_client_reads_the_responses_stream(events: list[ModelEvent]) -> None:
    answer = collected(events)
    with (
        _openai(_stream(ResponseAnswerWriter(REQUEST, "resp_1"), events)) as client,
        client.responses.stream(model="m", input="Hello") as stream,
    ):
        names = [event.type for event in stream]
        response = stream.get_final_response() if answer.reason != "length" else None
    assert names[0] == "response.created"
    if response is None:
        assert names[-1] == "response.incomplete"
        return
    assert response.output_text == answer.text
    calls = [item for item in response.output if item.type == "function_call"]
    assert [(call.call_id, orjson.loads(call.arguments)) for call in calls] == [
        (call.id, call.arguments) for call in answer.calls
    ]
    assert response.usage is not None
    assert response.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


@settings(max_examples=10)
@given(answers())
def test_openais_own_client_reads_the_chat_stream(events: list[ModelEvent]) -> None:
    answer = collected(events)
    with _openai(_stream(ChatAnswerWriter("m", "id", includes_usage=True), events)) as client:
        chunks = list(client.chat.completions.create(model="m", messages=[USER], stream=True))
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == answer.text
    called = [call for delta in deltas for call in delta.tool_calls or ()]
    assert [call.index for call in called] == list(range(len(answer.calls)))
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == answer.usage.input_tokens


REASONS: list[tuple[StopReason, str, str, str]] = [
    ("end", "stop", "end_turn", "completed"),
    ("length", "length", "max_tokens", "incomplete"),
    ("tool_calls", "tool_calls", "tool_use", "completed"),
    ("content_filter", "content_filter", "refusal", "incomplete"),
    ("refusal", "content_filter", "refusal", "incomplete"),
    ("recitation", "content_filter", "refusal", "incomplete"),
]


@pytest.mark.parametrize(("reason", "finish", "stop", "status"), REASONS)
def test_the_reason_of_the_end_is_true_to_what_happened(
    reason: StopReason, finish: str, stop: str, status: str
) -> None:
    answer = collected([TextDelta(text="Hi"), Usage(), Stop(reason=reason)])
    assert chat_completion(answer, "m", "id")["choices"][0]["finish_reason"] == finish
    assert message_answer(answer, "m", "id")["stop_reason"] == stop
    assert response_answer(answer, REQUEST, "resp_1")["status"] == status


FAILURE = StreamFailure("The model is not available.", 503, "overload")


def test_anthropics_client_raises_an_error_within_a_stream() -> None:
    writer = MessageAnswerWriter("m", "msg_1")
    body = writer.begin() + writer.write(TextDelta(text="Hi")) + writer.fail(FAILURE)
    with (
        _anthropic(body) as client,
        client.messages.stream(model="m", max_tokens=9, messages=[USER]) as stream,
        pytest.raises(anthropic.APIStatusError, match="not available") as caught,
    ):
        stream.get_final_message()
    assert caught.value.body == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": FAILURE.message},
        "request_id": None,
    }


def test_openais_client_raises_an_error_within_a_chat_stream_that_is_done_behind_it() -> None:
    writer = ChatAnswerWriter("m", "id")
    body = writer.begin() + writer.write(TextDelta(text="Hi")) + writer.fail(FAILURE)
    assert body.endswith(b"data: [DONE]\n\n")
    with _openai(body) as client, pytest.raises(openai.APIError, match="not available"):
        list(client.chat.completions.create(model="m", messages=[USER], stream=True))


def test_openais_client_sees_a_response_that_failed() -> None:
    writer = ResponseAnswerWriter(REQUEST, "resp_1")
    body = writer.begin() + writer.write(TextDelta(text="Hi")) + writer.fail(FAILURE)
    with _openai(body) as client:
        *_, last = client.responses.create(model="m", input="Hello", stream=True)
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert last.response.error.message == FAILURE.message
