"""Counts in places and forms that no documentation has: read exactly, or marked as corrected."""

import asyncio

import orjson
import pytest
from tests.llm.wires.conftest import KEY, collect, counted, decoded, text
from tests.llm.wires.servers import gemini, openai
from tests.llm.wires.servers.base import Reply, event, serve

from vital_shared.llm.wires import reading
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.llm.wires.provider import Provider

USAGE = {"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27}
COUNTS = {"promptTokenCount": 20, "candidatesTokenCount": 7, "totalTokenCount": 27}
SNAKE = {
    "prompt_token_count": 20,
    "candidates_token_count": 7,
    "total_token_count": 27,
    "prompt_tokens_details": [{"modality": "TEXT", "token_count": 20}],
}


def last_counts(wire, parts):
    events, _ = decoded(wire, parts)
    usage = counted(events)[-1]
    return usage.input_tokens, usage.output_tokens, usage.corrected


@pytest.mark.parametrize(
    ("of_chunk", "of_choice", "of_delta"),
    [
        ({"metadata": {"usage": USAGE}}, {}, {}),
        ({"message": {"usage": USAGE}}, {}, {}),
        ({"response": {"usage": USAGE}}, {}, {}),
        ({"x_groq": {"usage": USAGE}}, {}, {}),
        ({}, {"usage": USAGE}, {}),
        ({}, {"message": {"usage": USAGE}}, {}),
        ({}, {}, {"usage": USAGE}),
        ({"usage": [USAGE]}, {}, {}),
        ({"usage": orjson.dumps(USAGE).decode()}, {}, {}),
        ({"usage": None, "metadata": {"usage": USAGE}}, {}, {"usage": {}}),
    ],
)
@pytest.mark.parametrize("finish", [None, "stop"])
def test_openai_counts_are_found_where_gateways_put_them(of_chunk, of_choice, of_delta, finish):
    delta = {"content": "on."} if finish is None else {}
    choice = {"index": 0, "delta": delta | of_delta, "finish_reason": finish, **of_choice}
    odd = event({"choices": [choice], **of_chunk})
    said = [openai.chunk({"content": word}) for word in ("It ", "goes ")]
    assert last_counts(OpenAIWire(), [*said, odd, openai.chunk(finish="stop"), openai.DONE]) == (20, 7, False)


def test_of_several_places_with_counts_the_same_is_read_in_every_process():
    places = ("x_groq", "metadata", "message", "response")
    counts = {name: {"usage": USAGE | {"prompt_tokens": 20 + n}} for n, name in enumerate(places)}
    choice = {"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}
    assert last_counts(OpenAIWire(), [event({"choices": [choice], **counts}), openai.DONE]) == (20, 7, False)
    del counts["x_groq"]
    assert last_counts(OpenAIWire(), [event({"choices": [choice], **counts}), openai.DONE]) == (21, 7, False)


def test_a_message_that_is_not_streamed_may_hold_its_counts():
    message = {"role": "assistant", "content": "Yes.", "usage": USAGE}
    whole = event({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    assert last_counts(OpenAIWire(), [whole]) == (20, 7, False)


@pytest.mark.parametrize(
    ("prompt", "completion", "expected"),
    [
        ("20", "7", (20, 7, False)),
        (20.0, "7.0", (20, 7, False)),
        (20.5, 7, (20, 7, True)),  # no count of tokens: what is charged is flagged
        ("20", "7.25", (20, 7, True)),
    ],
)
def test_counts_that_are_texts_or_floats_are_exact_or_marked(prompt, completion, expected):
    usage = {"prompt_tokens": prompt, "completion_tokens": completion}
    parts = [*openai.TEXT[:-2], openai.chunk(usage=usage, choices=[]), openai.DONE]
    assert last_counts(OpenAIWire(), parts) == expected


@pytest.mark.parametrize("place", ["delta", "message", "metadata"])
def test_anthropic_counts_are_found_within_an_event(place):
    delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    delta[place] = delta.get(place, {}) | {"usage": {"output_tokens": 7}}
    start = {
        "type": "message_start",
        "message": {"id": "m", "usage": {"input_tokens": 20, "output_tokens": 1}},
    }
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "It goes on."}}
    parts = [event(start), event(said), event(delta), event({"type": "message_stop"})]
    assert last_counts(AnthropicWire(), parts) == (20, 7, False)


@pytest.mark.parametrize(
    ("of_chunk", "of_candidate"),
    [
        ({"usage_metadata": SNAKE}, {}),
        ({"metadata": {"usageMetadata": COUNTS}}, {}),
        ({}, {"usageMetadata": COUNTS}),
        ({"usageMetadata": [COUNTS]}, {}),
        ({"usageMetadata": {name: str(value) for name, value in COUNTS.items()}}, {}),
    ],
)
def test_gemini_counts_are_found_where_gateways_put_them(of_chunk, of_candidate):
    said = {"content": {"parts": [{"text": "It goes on."}]}, "finishReason": "STOP", **of_candidate}
    assert last_counts(GeminiWire(), [event({"candidates": [said], **of_chunk})]) == (20, 7, False)


@pytest.fixture
async def connect_gemini(no_sleep):
    made = []

    def provider(server):
        made.append(Provider("gemini", GeminiWire(), base_url=server.url, key=KEY, sleep=no_sleep))
        return made[-1]

    yield provider
    for each in made:
        await each.aclose()


async def test_a_gemini_stream_is_over_with_its_reason_and_counts_though_its_connection_stays(
    connect_gemini, monkeypatch
):
    monkeypatch.setattr(reading, "LAST_SECONDS", 300.0)
    async with serve(Reply([*gemini.TEXT, asyncio.Event()])) as server, asyncio.timeout(30):
        events = await collect(connect_gemini(server))
    assert text(events) == gemini.SAID
    assert counted(events)[-1].output_tokens == 25 + 15


async def test_a_gemini_server_that_gives_a_reason_in_each_chunk_is_read_to_its_end(
    connect_gemini, monkeypatch
):
    monkeypatch.setattr(reading, "OVER_SECONDS", 0.0)
    words = [gemini.chunk({"text": word}, finish="STOP", usage=gemini.USAGE) for word in gemini.WORDS]
    async with serve(Reply(words)) as server:
        assert text(await collect(connect_gemini(server))) == gemini.SAID
