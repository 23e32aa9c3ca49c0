"""The id and the model that stand in an answer."""

import json

import pytest

from vital_shared.llm.wires.anthropic import AnthropicWire
from vital_shared.llm.wires.gemini import GeminiWire
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.llm.wires.server import server_of

ANTHROPIC = (
    {
        "type": "message_start",
        "message": {"id": "msg_7", "model": "claude-5-1", "usage": {"input_tokens": 3}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hi"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
)
GEMINI = (
    {
        "responseId": "r7",
        "modelVersion": "flash-002",
        "candidates": [{"content": {"parts": [{"text": "Hi"}]}}],
    },
    {"responseId": "r7", "candidates": [{"finishReason": "STOP"}]},
)
OPENAI = (
    {"id": "c7", "model": "gpt-5-08", "choices": [{"delta": {"content": "Hi"}}]},
    {"id": "c7", "model": "gpt-5-08", "choices": [{"delta": {}, "finish_reason": "stop"}]},
)


@pytest.mark.parametrize(
    ("wire", "events", "origin"),
    [
        (AnthropicWire(), ANTHROPIC, ("msg_7", "claude-5-1")),
        (GeminiWire(), GEMINI, ("r7", "flash-002")),
        (OpenAIWire(), OPENAI, ("c7", "gpt-5-08")),
    ],
    ids=("anthropic", "gemini", "openai"),
)
def test_the_stop_names_the_answers_id_and_model(wire, events, origin):
    decoder = wire.decoder("test:model")
    for event in events:
        decoder.feed(json.dumps(event).encode())
    stop = decoder.end()[-1]
    assert (stop.response_id, stop.response_model) == origin


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://api.openai.com/v1", ("api.openai.com", 443)),
        ("http://[::1]:8080/v1", ("::1", 8080)),
        ("http://localhost", ("localhost", 80)),
        ("http://host:99999", None),
    ],
)
def test_the_server_is_read_from_the_base_address(url, server):
    assert server_of(url) == server
