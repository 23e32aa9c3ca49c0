"""Requests of the Gemini API as they come from anywhere: terse, odd, or with more than can be carried."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import unquote

import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    COUNTS,
    MODEL,
    PROVIDERS,
    SAID,
    SCHEMA,
    OpenGateway,
    ProviderName,
    stream_of,
)
from tests.ai_engine.gateway.between_protocols.test_gemini_client import CONTENTS, OTHERS, PATH, WHOLE
from tests.llm.wires.servers import gemini as gemini_server
from tests.llm.wires.servers.base import Reply


@pytest.mark.parametrize("wire", OTHERS)
async def test_outputs_without_ids_are_those_of_the_calls_before(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    calls = [{"functionCall": {"name": "weigh", "args": {"thing": each}}} for each in ("sun", "moon")]
    outputs = [
        {"functionResponse": {"name": "weigh", "response": {"result": each}}} for each in ("heavy", "light")
    ]
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "Weigh both."}]},
            {"role": "model", "parts": calls},
            {"role": "user", "parts": outputs},
        ],
        "tools": [
            {"function_declarations": [{"name": "weigh", "parameters": {"type": "OBJECT", "properties": {}}}]}
        ],
    }
    async with gateway(wire, stream_of(wire), stream_of(wire)) as given:
        answer = await given.service.client.post(PATH, json=body)
        assert answer.status_code == 200, answer.text
        sent = json.dumps(given.sent)
        assert (
            sent.index("gemini_call_1")
            < sent.index("gemini_call_2")
            < sent.index("heavy")
            < sent.index("light")
        )
        assert '"type": "object"' in sent
        body["contents"][2]["parts"].append(outputs[0])
        refused = await given.service.client.post(PATH, json=body)
        assert refused.status_code == 400
        assert "an earlier functionCall" in refused.json()["error"]["message"]


REFUSED: dict[str, dict[str, Any]] = {
    "safetySettings": {"safetySettings": [{"category": "X", "threshold": "BLOCK_NONE"}]},
    "cachedContent": {"cachedContent": "cachedContents/1"},
    "tools.0": {"tools": [{"googleSearch": {}}]},
    "generationConfig.candidateCount": {"generationConfig": {"candidateCount": 2}},
    "generationConfig.responseModalities": {"generationConfig": {"responseModalities": ["AUDIO"]}},
    "contents.0.parts.0.fileData": {
        "contents": [{"parts": [{"fileData": {"fileUri": "gs://a/b"}}, {"text": "?"}]}]
    },
    "contents.0.parts.0.thoughtSignature": {
        "contents": [{"parts": [{"text": "Hm.", "thoughtSignature": "c2ln"}]}, {"parts": [{"text": "?"}]}]
    },
}


@pytest.mark.parametrize("field", REFUSED)
async def test_what_cannot_be_carried_is_refused_by_its_name_or_dropped(
    gateway: OpenGateway, field: str
) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        body = CONTENTS | REFUSED[field]
        refused = await given.service.client.post(PATH, json=body)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
        assert error["message"].startswith(f"{field} cannot be carried")
        dropped = await given.service.client.post(PATH, json=body | {"drop_params": True})
        assert dropped.status_code == 200, dropped.text


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "skip_thought_signature_validator",
        "context_engineering_is_the_way_to_go",
        "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
        "Y29udGV4dF9lbmdpbmVlcmluZ19pc190aGVfd2F5X3RvX2dv",
    ],
)
async def test_a_signature_that_google_names_for_unsigned_calls_is_none(
    gateway: OpenGateway, signature: str
) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        contents = [
            {"parts": [{"text": "Hm.", "thoughtSignature": signature}]},
            {"parts": [{"text": "?"}]},
        ]
        answer = await given.service.client.post(PATH, json={"contents": contents})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("signature", [[], {}, 7, True])
async def test_a_signature_that_is_no_text_is_named(gateway: OpenGateway, signature: Any) -> None:
    async with gateway("openai") as given:
        contents = [{"parts": [{"text": "Hm.", "thoughtSignature": signature}]}]
        answer = await given.service.client.post(PATH, json={"contents": contents})
        assert answer.status_code == 400, answer.text
        assert "contents.0.parts.0.thoughtSignature" in answer.json()["error"]["message"]


@pytest.mark.parametrize("empty", [[], None])
async def test_an_empty_list_asks_for_nothing(gateway: OpenGateway, empty: Any) -> None:
    async with gateway("openai", stream_of("openai")) as given:
        answer = await given.service.client.post(PATH, json=CONTENTS | {"safetySettings": empty})
        assert answer.status_code == 200, answer.text
        assert "safety" not in str(given.sent)


@pytest.mark.parametrize("wire", PROVIDERS)
@pytest.mark.parametrize("address", ["", "?alt=json", "?%24alt=json"])
async def test_a_stream_without_server_sent_events_is_one_list(
    gateway: OpenGateway, wire: ProviderName, address: str
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        path = f"/v1beta/models/{MODEL}:streamGenerateContent{address}"
        answer = await given.service.client.post(path, json=CONTENTS)
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (
            200,
            "application/json",
        )
        items = answer.json()
        parts = [part for each in items for part in each["candidates"][0]["content"]["parts"]]
        assert "".join(part["text"] for part in parts if not part.get("thought")) == SAID
        assert items[-1]["candidates"][0]["finishReason"] == "STOP"
        assert await given.tokens() == [COUNTS[wire]]


async def test_a_list_comes_item_by_item_and_a_silence_is_a_blank_line(gateway: OpenGateway) -> None:
    goes_on = asyncio.Event()
    reply = Reply([*gemini_server.TEXT[:1], goes_on, *gemini_server.TEXT[1:]])
    async with gateway("gemini", reply, heartbeat_seconds=0.05) as given:
        path = f"/v1beta/models/{MODEL}:streamGenerateContent"
        async with given.service.client.stream("POST", path, json=CONTENTS) as answer:
            pieces = answer.aiter_raw()
            first = await anext(pieces)
            assert json.loads(first + b"]")[0]["candidates"]
            assert await anext(pieces) == b"\n"
            goes_on.set()
            rest = b"".join([piece async for piece in pieces])
        assert len(json.loads(first + rest)) == len(gemini_server.TEXT)


async def test_an_error_within_a_list_is_its_last_item(gateway: OpenGateway) -> None:
    reply = Reply([*gemini_server.TEXT[:2], ConnectionError])
    async with gateway("gemini", reply) as given:
        answer = await given.service.client.post(
            f"/v1beta/models/{MODEL}:streamGenerateContent", json=CONTENTS
        )
        assert answer.json()[-1]["error"]["code"] == 502


async def test_a_stream_in_another_form_is_refused_in_one_sentence(gateway: OpenGateway) -> None:
    async with gateway("openai") as given:
        answer = await given.service.client.post(
            f"/v1beta/models/{MODEL}:streamGenerateContent?alt=proto", json=CONTENTS
        )
        assert answer.status_code == 400
        assert "alt has to be sse" in answer.json()["error"]["message"]


async def test_other_parts_of_the_api_are_not_found_in_its_form(gateway: OpenGateway) -> None:
    async with gateway("openai") as given:
        for path in ("/v1beta/files", "/v1beta/cachedContents", f"/v1beta/models/{MODEL}:predict"):
            error = (await given.service.client.post(path, json={})).json()["error"]
            assert error["code"] in (404, 405)
            assert error["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "requests"),
        ({"requests": [{"content": {"parts": []}}]}, "requests.0.content"),
        ({"requests": [{"content": {"parts": [{"inlineData": {}}]}}]}, "requests.0.content"),
        ({"requests": [1]}, "requests.0"),
    ],
)
async def test_what_cannot_be_embedded_is_named(gateway: OpenGateway, body: Any, field: str) -> None:
    async with gateway("openai") as given:
        answer = await given.service.client.post(f"/v1beta/models/{MODEL}:batchEmbedContents", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith(field)


@pytest.mark.parametrize("wire", PROVIDERS)
@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**400])
async def test_a_number_of_more_than_64_bits_is_named_and_the_model_stays_in_use(
    gateway: OpenGateway, wire: ProviderName, number: int
) -> None:
    reply = stream_of(wire)
    if wire == "gemini":
        reply = Reply([json.dumps(WHOLE).encode()], content_type="application/json")
    async with gateway(wire, reply) as given:
        output = {"functionResponse": {"name": "weigh", "response": {"result": number}}}
        bodies: dict[str, dict[str, Any]] = {
            "tools.0.functionDeclarations.0.parameters.maximum": CONTENTS
            | {"tools": [{"functionDeclarations": [{"name": "weigh", "parameters": {"maximum": number}}]}]},
            "contents.2.parts.0.functionResponse.response.result": {
                "contents": [
                    {"parts": [{"text": "Weigh it."}]},
                    {"role": "model", "parts": [{"functionCall": {"name": "weigh"}}]},
                    {"parts": [output]},
                ]
            },
        }
        for place, body in bodies.items():
            for _ in range(3):
                refused = await given.service.client.post(PATH, json=body)
                error = refused.json()["error"]
                assert (refused.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
                assert error["message"].startswith(f"{place} must be a number of 64 bits")
        answered = await given.service.client.post(PATH, json=CONTENTS)
        assert answered.status_code == 200, answered.text


@pytest.mark.parametrize("wire", PROVIDERS)
@pytest.mark.parametrize(
    ("named", "field"),
    [
        (
            {"generationConfig": {"maxOutputTokens": 9000}, "generation_config": {"maxOutputTokens": 1}},
            "generationConfig",
        ),
        ({"generationConfig": {"maxOutputTokens": 9000, "max_output_tokens": 1}}, "maxOutputTokens"),
    ],
)
async def test_a_field_in_both_forms_of_its_name_is_refused(
    gateway: OpenGateway, wire: ProviderName, named: dict[str, Any], field: str
) -> None:
    async with gateway(wire, stream_of(wire)) as given:
        refused = await given.service.client.post(PATH, json=CONTENTS | named)
        assert refused.status_code == 400
        assert refused.json()["error"]["message"].startswith(f"{field} is given twice")
        assert given.provider.requests == []


@pytest.mark.parametrize("wire", OTHERS)
async def test_the_only_item_of_a_list_may_stand_for_it_as_in_googles_guides(
    gateway: OpenGateway, wire: ProviderName
) -> None:
    body = {
        "system_instruction": {"parts": {"text": "You are a cat."}},
        "contents": {"role": "user", "parts": {"text": "Hello there"}},
        "tools": {"function_declarations": {"name": "weigh", "parameters": SCHEMA}},
    }
    async with gateway(wire, stream_of(wire)) as given:
        answer = await given.service.client.post(PATH, json=body)
        assert answer.status_code == 200, answer.text
        sent = json.dumps(given.sent)
        assert all(each in sent for each in ("You are a cat.", "Hello there", "weigh"))


@pytest.mark.parametrize("name", ["m%2F..%2F..%2Ffiles", "..%2Ffiles", "m%00", "m%0A", "m%2F."])
async def test_a_name_that_would_change_the_providers_address_is_no_models(
    gateway: OpenGateway, name: str
) -> None:
    async with gateway("gemini", stream_of("gemini")) as given:
        path = f"/v1beta/models/theirs:{name}:generateContent"
        answer = await given.service.client.post(path, json=CONTENTS)
        assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")
        named = {"model": f"theirs:{unquote(name)}", "messages": [{"role": "user", "content": "Hello?"}]}
        assert (await given.service.client.post("/v1/chat/completions", json=named)).status_code == 404
        assert given.provider.requests == []
