"""Streams as Anthropic's documentation shows them ("Streaming messages", "Errors")."""

import orjson
from tests.llm.wires.servers.base import Reply, event

HEADERS = {"request-id": "req_anthropic_1"}

READ = {
    "input_tokens": 20,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 70,
    "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 1,
    "service_tier": "standard",
}
WRITTEN = {"output_tokens": 40, "output_tokens_details": {"thinking_tokens": 15}}


def named(kind, **data):
    return event({"type": kind, **data}, kind)


PING = named("ping")
START = named(
    "message_start",
    message={
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "claude-test",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": READ,
    },
)


def block(index, content, *deltas):
    """Write a content block: its beginning, its pieces and its end."""
    return [
        named("content_block_start", index=index, content_block=content),
        *(named("content_block_delta", index=index, delta=delta) for delta in deltas),
        named("content_block_stop", index=index),
    ]


def text_block(index, *words):
    return block(
        index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": word} for word in words)
    )


def thinking_block(index, thought, signature):
    return block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        *({"type": "thinking_delta", "thinking": word} for word in thought),
        {"type": "signature_delta", "signature": signature},
    )


def tool_block(index, name, *pieces):
    return block(
        index,
        {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}},
        *({"type": "input_json_delta", "partial_json": piece} for piece in pieces),
    )


def end(reason="end_turn", **delta):
    stopped = {"stop_reason": reason, "stop_sequence": None, **delta}
    return [named("message_delta", delta=stopped, usage=WRITTEN), named("message_stop")]


def message(*blocks, reason="end_turn"):
    return [START, PING, *(part for each in blocks for part in each), *end(reason)]


WORDS = ("It ", "takes ", "42 ", "days — ", "ünïcode.")
SAID = "".join(WORDS)
TEXT = message(text_block(0, *WORDS))
TOOLS = message(
    text_block(0, "Let me ", "see."),
    tool_block(1, "weigh", "", '{"thing": "the', ' moon"}'),
    tool_block(2, "measure", ""),
    reason="tool_use",
)
THOUGHT = message(
    thinking_block(0, ("Hm. ", "So."), "c2lnbmVk"),
    block(1, {"type": "redacted_thinking", "data": "ZW5jcnlwdGVk"}),
    text_block(2, "Let me see."),
    tool_block(3, "weigh", '{"thing": "it"}'),
    reason="tool_use",
)


WHOLE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": SAID}],
    "stop_reason": "end_turn",
    "usage": {**READ, **WRITTEN},
}
"""The answer of a server that does not stream."""

GATEWAY = [
    b"event: message_start\r\ndata: "
    + orjson.dumps({"type": "message_start", "message": {"id": "m"}})
    + b"\r\n\r\n",
    *(PING for _ in range(200)),
    *(
        event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": word}})
        for word in WORDS
    ),
    event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": None}),
    event({"type": "message_stop", "usage": {**READ, **WRITTEN}}),
    event(b" [DONE]"),
]
"""The stream of a gateway: no usage at the start, no beginnings of blocks, no numbers, counts late, an end mark."""


def stream(parts, **given):
    return Reply(parts, headers=HEADERS | given.pop("headers", {}), **given)


def problem(kind, message="It is so.", **more):
    return {"type": "error", "error": {"type": kind, "message": message, **more}, "request_id": "req_body_1"}


def error(status, kind, message="It is so.", *, headers=None, **more):
    body = orjson.dumps(problem(kind, message, **more))
    return Reply([body], status, HEADERS | (headers or {}), "application/json")
