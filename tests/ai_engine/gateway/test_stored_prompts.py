"""The prompts and answers of calls that are passed on are stored where that is wanted, as they were sent."""

from __future__ import annotations

import json
from typing import Any

import openai
import orjson
import pytest
from tests.ai_engine.gateway.conftest import Gateway, OpenGateway
from tests.ai_engine.gateway.test_chat_completions import HELLO, WHOLE, whole
from tests.ai_engine.gateway.test_guardrails import ASKED, EMAIL, with_guardrails
from tests.llm.wires.servers import openai as protocol
from tests.llm.wires.servers.base import Reply

from vital_shared.llm.call_content import CallContent
from vital_shared.llm.recorded_prompt import recorded_call
from vital_shared.models.model_call import ModelCall
from vital_shared.models.recorded_call import RecordedCall


def says(text: str) -> Reply:
    """Answer with a text, at once."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body = orjson.dumps(WHOLE | {"choices": [choice]})
    return Reply([body], headers=protocol.HEADERS, content_type="application/json")


async def only_call(given: Gateway) -> RecordedCall:
    await given.service.engine.hub.drained()
    (run,) = await given.runs()
    (call,) = await given.service.services.runs.model_calls(run["id"])
    return call


async def test_a_call_is_stored_with_its_messages_and_its_answer(gateway: OpenGateway) -> None:
    async with gateway(whole(), store_prompts=True) as given:
        answer = await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        call = await only_call(given)
    assert [(each.role, each.content) for each in call.messages] == [
        (each["role"], each["content"]) for each in HELLO
    ]
    assert call.answer == answer.choices[0].message.content
    assert (call.model, call.node, call.status, call.is_cut) == ("mine:m", "answer", "success", False)


async def test_a_streamed_call_is_stored_too(gateway: OpenGateway) -> None:
    async with gateway(protocol.stream(protocol.TEXT), store_prompts=True) as given:
        stream = await given.client.chat.completions.create(model="mine:m", messages=HELLO, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        call = await only_call(given)
    assert call.answer == "".join(pieces) != ""


def chunk(index: int, text: str = "", finish: str | None = None) -> dict[str, Any]:
    choice = {"index": index, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


async def test_the_texts_of_several_streamed_choices_are_stored_apart(gateway: OpenGateway) -> None:
    said = [chunk(0, "It is "), chunk(1, "Ask "), chunk(0, "42."), chunk(1, "again.")]
    events = [*said, chunk(0, finish="stop"), chunk(1, finish="stop")]
    async with gateway(
        protocol.stream([protocol.event(each) for each in events]), store_prompts=True
    ) as given:
        stream = await given.client.chat.completions.create(model="mine:m", messages=HELLO, n=2, stream=True)
        assert len([each async for each in stream]) == len(events)
        call = await only_call(given)
    assert call.answer == "It is 42.\n\nAsk again."


async def test_the_texts_of_several_whole_choices_are_stored_apart(gateway: OpenGateway) -> None:
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for index, text in enumerate(("It is 42.", "Ask again."))
    ]
    async with gateway(whole(choices=choices), store_prompts=True) as given:
        await given.client.chat.completions.create(model="mine:m", messages=HELLO, n=2)
        call = await only_call(given)
    assert call.answer == "It is 42.\n\nAsk again."


async def test_nothing_is_stored_unless_it_is_wanted(gateway: OpenGateway) -> None:
    async with gateway(whole()) as given:
        await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        await given.service.engine.hub.drained()
        (run,) = await given.runs()
        assert await given.service.services.runs.model_calls(run["id"]) == ()


@pytest.mark.parametrize("rules", ["", "max_output_characters = 500"], ids=["masked", "and judged"])
async def test_what_is_masked_is_stored_masked(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch, rules: str
) -> None:
    with_guardrails(monkeypatch, f'mask = ["email"]\n{rules}')
    async with gateway(says(f"Write to {EMAIL}."), store_prompts=True) as given:
        await given.client.chat.completions.create(model="mine:m", messages=ASKED)
        call = await only_call(given)
        sent = given.sent["messages"][1]["content"][0]["text"]
    assert EMAIL not in call.model_dump_json()
    assert [each.content for each in call.messages] == ["Be brief.", sent]
    assert call.answer.startswith("Write to <EMAIL_")


async def test_nothing_of_a_refused_call_is_stored(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_guardrails(monkeypatch, "deny_input = ['Who is']")
    async with gateway(whole(), store_prompts=True) as given:
        with pytest.raises(openai.APIStatusError):
            await given.client.chat.completions.create(model="mine:m", messages=ASKED)
        await given.service.engine.hub.drained()
        (run,) = await given.runs()
        calls = await given.service.services.runs.model_calls(run["id"])
    assert EMAIL not in json.dumps([each.model_dump_json() for each in calls])


async def test_an_answer_that_is_held_back_is_not_stored(
    gateway: OpenGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_guardrails(monkeypatch, "deny_output = ['secret \\d+']")
    async with gateway(says("It is secret 7."), store_prompts=True) as given:
        with pytest.raises(openai.APIStatusError):
            await given.client.chat.completions.create(model="mine:m", messages=HELLO)
        call = await only_call(given)
    assert "secret" not in call.answer
    assert [each.content for each in call.messages] == [each["content"] for each in HELLO]


CALL = ModelCall(model="m", purpose="own", prompt="relayed@1", status="success", seconds=1.0)
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * 5_000}"}}


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (
            {
                "system": "Be brief.",
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            },
            [("system", "Be brief."), ("user", "Hi")],
        ),
        (
            {
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "contents": [{"role": "user", "parts": [{"text": "Hi"}, {"text": "there"}]}],
            },
            [("system", "Be brief."), ("user", "Hi\nthere")],
        ),
        ({"instructions": "Be brief.", "input": "Hi"}, [("system", "Be brief."), ("user", "Hi")]),
        ({"input": ["one", "two"]}, [("user", "one"), ("user", "two")]),
        ({"input": [[1, 2]]}, [("user", "1\n2")]),
        (
            {
                "messages": [
                    {"role": "tool", "content": [{"type": "tool_result", "content": "42"}]},
                    "odd",
                    None,
                ]
            },
            [("tool", "42"), ("user", "odd"), ("user", "null")],
        ),
        ({"messages": "odd"}, [("user", "odd")]),
        ({}, []),
    ],
)
def test_requests_of_each_protocol_are_read(body: dict[str, Any], messages: list[tuple[str, str]]) -> None:
    content = CallContent()
    content.prompt = body
    call = recorded_call("llm/1", CALL, content, (), ())
    assert [(each.role, each.content) for each in call.messages] == messages


def test_a_picture_does_not_take_the_place_of_words() -> None:
    content = CallContent()
    content.prompt = {
        "messages": [{"role": "user", "content": [PICTURE, {"type": "text", "text": "What is it?"}]}]
    }
    call = recorded_call("llm/1", CALL, content, (), ())
    (message,) = call.messages
    assert len(message.content) < 500
    assert message.content.endswith("What is it?")
    assert "more characters are not stored" in message.content
    assert call.is_cut
