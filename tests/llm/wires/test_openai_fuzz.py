"""Whatever JSON or bytes a provider sends, the decoder gives events or a ModelError, and nothing else."""

import json
from itertools import groupby

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.llm.wires.odd_streams import as_events, cut, damaged, odd, odd_stream, written

from vital_shared.llm.base import (
    ModelError,
    ModelToolCall,
    ReasoningDelta,
    Stop,
    TextDelta,
    Usage,
)
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.llm.wires.sse import EventReader, EventTooLarge

FUZZ = settings(max_examples=400, deadline=None)


def chunk(delta=None, finish=None, **more):
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def call(index, call_id, **function):
    return {"index": index, "id": call_id, "type": "function", "function": function}


USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 20},
    "cost": 0.01,
}
DONE = b"[DONE]"
END = [chunk({}, "stop"), {"choices": [], "usage": USAGE}, DONE]
SHAPES = {
    "text": [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "It takes "}),
        chunk({"content": "90 days."}),
        *END,
    ],
    "thoughts": [
        chunk({"content": "<think>\nA plan."}),
        chunk({"content": "</think>\n\n"}),
        chunk({"content": "90."}),
        *END,
    ],
    "parts": [
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
        chunk({"content": [{"type": "text", "text": "90 days."}]}),
        *END,
    ],
    "calls": [
        chunk({"tool_calls": [call(0, "a", name="weigh", arguments="")]}),
        chunk({"tool_calls": [call(0, None, arguments='{"thing": ')]}),
        chunk(
            {"tool_calls": [call(0, None, arguments='"x"}'), call(0, "b", name="measure", arguments="{}")]}
        ),
        chunk({}, "tool_calls"),
        *END[1:],
    ],
    "reasoning": [
        chunk({"reasoning_content": "Hm. "}),
        chunk({"reasoning": "So.", "reasoning_details": [{"type": "reasoning.text", "text": "So."}]}),
        chunk({"content": "90"}),
        *END,
    ],
    "usage in places": [
        chunk({"content": "x"}, usage=USAGE),
        {"choices": [{"delta": {}, "finish_reason": "stop", "usage": USAGE}], "x_groq": {"usage": USAGE}},
        DONE,
    ],
    "error": [
        chunk({"content": "A 510(k)"}),
        chunk({}, "error", error={"code": 502, "message": "Gone"}),
        DONE,
    ],
    "whole": [
        {
            "object": "chat.completion",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "90"}, "finish_reason": "stop"}
            ],
            "usage": USAGE,
        }
    ],
    "refusal": [chunk({"refusal": "I will not."}), *END],
}
shapes = st.sampled_from(sorted(SHAPES))
randoms = st.randoms(use_true_random=False)


def read(packets, wire=None):
    """Return the events of a stream with its texts joined, and the words of the error that ended it, if any."""
    reader, decoder, events, error = EventReader(), (wire or OpenAIWire()).decoder("openai:m"), [], None
    try:
        for packet in packets:
            for data in reader.feed(packet):
                events += decoder.feed(data)
        for data in reader.end():
            events += decoder.feed(data)
        events += decoder.end()
    except (ModelError, EventTooLarge) as failure:
        error = f"{type(failure).__name__}: {failure}"
    return joined(events), error


def joined(events):
    made = []
    for kind, group in ((kind, list(group)) for kind, group in groupby(events, key=type)):
        made += (
            [(kind.__name__, "".join(e.text for e in group))]
            if kind in (TextDelta, ReasoningDelta)
            else group
        )
    return made


def faults_of(events, error):
    """Return what cannot be stored, shown or charged of all that leaves a decoder."""
    faults = []
    for event in events:
        if isinstance(event, tuple):
            event[1].encode()
        elif isinstance(event, ModelToolCall):
            orjson.dumps(event.model_dump())
            faults += [] if event.name else [event]
        elif isinstance(event, Usage):
            Usage.model_validate(event.model_dump())
            orjson.dumps(event.raw)
    stops = [event for event in events if isinstance(event, Stop)]
    faults += [] if len(stops) == (error is None) else [stops]
    return faults + ([] if error is None or error.encode() else [error])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shapes_themselves_are_read(shape):
    events, error = read([as_plain_events(SHAPES[shape])])
    assert (error is None) == (shape != "error")
    assert faults_of(events, error) == []


def as_plain_events(chunks):
    return b"".join(b"data: " + (c if isinstance(c, bytes) else written(c)) + b"\n\n" for c in chunks)


@FUZZ
@given(shapes, randoms)
def test_odd_json_ends_in_events_or_a_model_error(shape, random):
    assert faults_of(*read([as_events(odd_stream(SHAPES[shape], random, 0.15), random)])) == []


@FUZZ
@given(shapes, randoms)
def test_damaged_bytes_end_in_events_or_a_model_error(shape, random):
    data = damaged(as_events(odd_stream(SHAPES[shape], random, 0.02), random), random)
    assert faults_of(*read([data])) == []


@FUZZ
@given(shapes, randoms)
def test_any_cut_of_the_bytes_gives_the_same_events(shape, random):
    data = damaged(as_events(odd_stream(SHAPES[shape], random, 0.03), random), random)
    assert read(cut(data, random)) == read([data])


@pytest.mark.thorough
@FUZZ
@given(shapes, randoms)
def test_json_lines_and_printed_json_are_cut_anywhere_too(shape, random):
    chunks = [each for each in odd_stream(SHAPES[shape], random, 0.03) if not isinstance(each, bytes)]
    indent = random.choice([None, 2])
    data = b"\n".join(json.dumps(each, indent=indent).encode() for each in chunks)
    assert read(cut(data, random)) == read([data])


@FUZZ
@given(randoms, st.sampled_from([200, 400, 404, 429, 500, 503]))
def test_errors_of_any_shape_are_model_errors(random, status):
    body = {
        "error": {"message": "m", "code": "c", "type": "t", "param": "p"},
        "detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}],
    }
    made = damaged(written(odd(body, random, 0.3)), random)
    error = OpenAIWire().error(status, {"retry-after": "x" * 9}, made, "openai:m")
    assert isinstance(error, ModelError)
    error.message.encode()
    assert len(error.message) < 500
