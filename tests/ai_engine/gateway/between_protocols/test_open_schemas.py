"""Schemas that do not say whether their objects are closed, for Anthropic, which takes no others."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ai_engine.gateway.between_protocols.any_provider import (
    HELLO,
    MODEL,
    OpenGateway,
    stream_of,
)

from ai_engine.protocols.anthropic.closed_schema import closed_schema

TEXT = {"type": "string"}
MAP = {"type": "object", "additionalProperties": TEXT}


def test_every_object_is_closed_that_does_not_say() -> None:
    inner = {"type": "object", "properties": {"properties": TEXT, "items": TEXT}}
    given = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": inner},
            "either": {"anyOf": [inner, {"type": "null"}]},
            "map": MAP,
            "open": inner | {"additionalProperties": True},
        },
        "$defs": {"inner": inner},
        "required": ["list"],
    }
    closed = inner | {"additionalProperties": False}
    assert closed_schema(given) == {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": closed},
            "either": {"anyOf": [closed, {"type": "null"}]},
            "map": MAP,
            "open": inner | {"additionalProperties": True},
        },
        "$defs": {"inner": closed},
        "required": ["list"],
        "additionalProperties": False,
    }


def test_a_schema_without_end_is_left_as_it_is_below_some_depth() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5_000):
        schema = {"type": "array", "items": schema}
    assert closed_schema(schema)["type"] == "array"


OPEN = {"type": "object", "properties": {"a": TEXT}}
CHAT = {
    "model": MODEL,
    "messages": HELLO,
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": OPEN}},
}
CONTENTS = {
    "contents": [{"parts": [{"text": "Hello?"}]}],
    "generationConfig": {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
    },
}


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/chat/completions", CHAT), (f"/v1beta/models/{MODEL}:generateContent", CONTENTS)],
)
async def test_anthropic_gets_a_closed_schema(gateway: OpenGateway, path: str, body: Any) -> None:
    async with gateway("anthropic", stream_of("anthropic")) as given:
        answer = await given.service.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        sent = given.sent["output_config"]["format"]["schema"]
        assert sent == OPEN | {"additionalProperties": False}
