"""Several choices of one call: all are read to their end, and all are paid for."""

from __future__ import annotations

from typing import Any

import openai
import orjson
import pytest
from sqlalchemy import select
from tests.ai_engine.gateway.conftest import Gateway, OpenGateway
from tests.ai_engine.gateway.test_chat_completions import HELLO
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply

from vital_shared.llm.base import ModelUnavailable, ReasoningDelta, TextDelta
from vital_shared.llm.wires.gemini_stream import GeminiDecoder
from vital_shared.llm.wires.openai_stream import OpenAIDecoder
from vital_shared.store.account_tables import ledger

SHORT = "Yes."
LONG = "It takes forty-two days from the day on which the file is complete. " * 20


def chunk(index: int, text: str | None = None, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": index, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def whole(*messages: dict[str, Any]) -> Reply:
    """Return a completion of several choices, without usage."""
    choices = [
        {"index": index, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
        for index, message in enumerate(messages)
    ]
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
    return Reply([orjson.dumps(body)], content_type="application/json")


async def charged(given: Gateway) -> tuple[int, bool]:
    """Return the tokens written that were charged, and whether they are an estimate."""
    await given.service.engine.hub.drained()
    async with given.service.services.database.connect() as connection:
        (row,) = (await connection.execute(select(ledger.c.output_tokens, ledger.c.estimated))).all()
        return row[0], bool(row[1])


async def test_all_choices_of_a_call_without_usage_are_estimated(gateway: OpenGateway) -> None:
    async with gateway(whole({"content": SHORT}, {"content": LONG}, {"content": LONG})) as given:
        answer = await given.client.chat.completions.create(model="mine:m", messages=HELLO, n=3)
        assert [each.message.content for each in answer.choices] == [SHORT, LONG, LONG]
        tokens, is_estimate = await charged(given)
        assert tokens >= 2 * given.service.services.account.count(LONG)
    assert is_estimate


async def test_calls_of_tools_without_usage_are_estimated(gateway: OpenGateway) -> None:
    function = {"name": "write", "arguments": orjson.dumps({"text": LONG}).decode()}
    call = {"id": "call_1", "type": "function", "function": function}
    async with gateway(whole({"content": None, "tool_calls": [call]})) as given:
        await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        tokens, is_estimate = await charged(given)
        assert tokens >= given.service.services.account.count(LONG)
    assert is_estimate


async def test_a_stream_that_breaks_off_after_one_of_two_choices_has_an_error(gateway: OpenGateway) -> None:
    events = [protocol.event(each) for each in (chunk(0, SHORT), chunk(1, LONG), chunk(0, finish="stop"))]
    async with gateway(Reply([*events, ConnectionError])) as given:
        stream = await given.client.chat.completions.create(model="mine:m", messages=HELLO, n=2, stream=True)
        with pytest.raises(openai.APIError):
            _ = [each async for each in stream]
        tokens, is_estimate = await charged(given)
        assert tokens >= given.service.services.account.count(LONG)
    assert is_estimate


@pytest.mark.parametrize("must_be_usable", [True, False])
def test_an_answer_is_whole_with_the_last_of_its_choices(must_be_usable: bool) -> None:
    decoder = OpenAIDecoder("mine:m", must_be_usable=must_be_usable, choices=2)
    for each in (chunk(0, SHORT), chunk(0, finish="stop")):
        decoder.feed(orjson.dumps(each))
    assert not decoder.is_whole
    decoder.feed(orjson.dumps(chunk(1, LONG)))
    with pytest.raises(ModelUnavailable, match="broke off"):
        decoder.end()
    decoder.feed(orjson.dumps(chunk(1, finish="length")))
    assert decoder.is_whole


def test_a_server_may_send_fewer_choices_than_it_was_asked_for() -> None:
    decoder = OpenAIDecoder("mine:m", must_be_usable=False, choices=2)
    for each in (chunk(0, SHORT), chunk(0, finish="stop")):
        decoder.feed(orjson.dumps(each))
    assert decoder.end()[-1].reason == "end"


def test_choices_that_share_a_chunk_are_all_read() -> None:
    decoder = OpenAIDecoder("mine:m", must_be_usable=False, choices=2)
    both = chunk(0, SHORT) | {"choices": [*chunk(0, SHORT)["choices"], *chunk(1, LONG)["choices"]]}
    events = [event for _ in range(3) for event in decoder.feed(orjson.dumps(both))]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == 3 * (SHORT + LONG)


def test_further_candidates_of_gemini_are_counted_and_no_part_of_the_answer() -> None:
    decoder = GeminiDecoder("gemini:m", must_be_usable=False, choices=2)
    candidates = [
        {"index": index, "content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
        for index, text in enumerate((SHORT, LONG))
    ]
    events = decoder.feed(orjson.dumps({"candidates": candidates}))
    assert [(type(each), each.text) for each in events] == [(TextDelta, SHORT), (ReasoningDelta, LONG)]
