"""Servers that speak Anthropic's or Gemini's protocol in their own way, over the network."""

import orjson
import pytest
from tests.llm.wires.conftest import collect, counted, text
from tests.llm.wires.servers import anthropic, gemini
from tests.llm.wires.servers.base import Reply, event, serve

from vital_shared.llm.base import ModelError, ModelRateLimited, ModelUnavailable, Usage
from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.provider import Provider

ANTHROPIC, GEMINI = AnthropicWire(), GeminiWire()
COUNTS = {
    "anthropic": Usage(
        input_tokens=120, cached_input_tokens=70, cache_write_tokens=30, output_tokens=40, reasoning_tokens=15
    ),
    "gemini": Usage(input_tokens=120, cached_input_tokens=70, output_tokens=40, reasoning_tokens=15),
}
WHOLE = orjson.dumps(anthropic.WHOLE)
CHUNK = orjson.dumps(
    {
        "candidates": [{"content": {"parts": [{"text": gemini.SAID}]}, "finishReason": "STOP"}],
        "usageMetadata": gemini.USAGE,
    }
)


@pytest.fixture
async def ask(no_sleep):
    made = []

    async def once(wire, reply):
        async with serve(reply) as server:
            made.append(Provider(wire.name, wire, base_url=server.url, attempts=1, sleep=no_sleep))
            return await collect(made[-1])

    yield once
    for each in made:
        await each.aclose()


@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        (ANTHROPIC, Reply(anthropic.GATEWAY)),
        (ANTHROPIC, Reply([WHOLE], content_type="application/json")),
        (ANTHROPIC, Reply([WHOLE], content_type="text/plain")),
        (ANTHROPIC, Reply([event(WHOLE)])),
        (
            ANTHROPIC,
            Reply(
                [orjson.dumps(anthropic.WHOLE, option=orjson.OPT_INDENT_2)], content_type="application/json"
            ),
        ),
        (ANTHROPIC, Reply(anthropic.TEXT, content_type="application/json")),
        (ANTHROPIC, Reply([*anthropic.TEXT, ConnectionError])),
        (ANTHROPIC, Reply([*anthropic.TEXT[:-1], ConnectionError])),
        (GEMINI, Reply(gemini.NULLS)),
        (GEMINI, Reply(gemini.ARRAY, content_type="application/json; charset=UTF-8")),
        (GEMINI, Reply([b"".join(gemini.ARRAY)], content_type="text/plain")),
        (GEMINI, Reply([CHUNK], content_type="application/json")),
        (GEMINI, Reply([b"[" + CHUNK + b"]"], content_type="application/json")),
        (GEMINI, Reply([*gemini.TEXT, event(b"[DONE]")])),
        (GEMINI, Reply([*gemini.TEXT, ConnectionError])),
    ],
    ids=range(15),
)
async def test_the_answer_comes_whole_with_its_counts(ask, wire, reply):
    events = await ask(wire, reply)
    assert text(events) == anthropic.SAID == gemini.SAID
    assert events[-1].reason == "end"
    assert counted(events)[-1] == COUNTS[wire.name]


BUSY = gemini.problem(429, "RESOURCE_EXHAUSTED", "Slow down.", gemini.retry_info("3s"))


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("body", [BUSY, [BUSY]], ids=["object", "array"])
@pytest.mark.parametrize("sent", [orjson.dumps, event], ids=["json", "event"])
async def test_geminis_errors_are_read_however_they_come(ask, status, body, sent):
    content_type = "application/json" if sent is orjson.dumps else "text/event-stream"
    with pytest.raises(ModelRateLimited, match="Slow down") as caught:
        await ask(GEMINI, Reply([sent(body)], status, content_type=content_type))
    assert caught.value.retry_after_seconds == 3.0


@pytest.mark.parametrize("status", [200, 529])
async def test_anthropics_errors_are_read_however_they_come(ask, status):
    body = orjson.dumps(anthropic.problem("overloaded_error", "Overloaded"))
    with pytest.raises(ModelUnavailable, match="Overloaded") as caught:
        await ask(ANTHROPIC, Reply([body], status, content_type="application/json"))
    assert (str(status) in caught.value.message) is (status == 529)


@pytest.mark.parametrize("wire", [ANTHROPIC, GEMINI], ids=["anthropic", "gemini"])
@pytest.mark.parametrize(
    "body", [b"", b"<html>busy</html>", b"null", b"[]", b"{}", b"[[]]", b"\xff\xfe", b"data: \n\n"]
)
async def test_a_body_that_is_no_answer_is_a_failed_call(ask, wire, body):
    with pytest.raises(ModelError):
        await ask(wire, Reply([body], content_type="text/html"))
