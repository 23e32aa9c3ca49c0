"""Streams as OpenAI's API reference shows them ("The chat completion chunk object")."""

from tests.llm.wires.servers.base import Reply, event

HEADERS = {"x-request-id": "req_openai_1"}


def chunk(delta=None, finish=None, usage=None, choices=None):
    return event(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_760_000_000,
            "model": "gpt-test",
            "service_tier": "default",
            "system_fingerprint": "fp_1",
            "choices": [{"index": 0, "delta": delta or {}, "logprobs": None, "finish_reason": finish}]
            if choices is None
            else choices,
            "usage": usage,
        }
    )


USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 100, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 0},
}
DONE = event(b"[DONE]")
END = [chunk(choices=[], usage=USAGE), DONE]

TEXT = [
    chunk({"role": "assistant", "content": "", "refusal": None}),
    *[chunk({"content": word}) for word in ("It ", "takes ", "42 ", "days — ", "ünïcode.")],
    chunk(finish="stop"),
    *END,
]
SAID = "It takes 42 days — ünïcode."


def piece(index, **function):
    given = {"index": index, "function": function}
    if "name" in function:
        given |= {"id": f"call_{index}", "type": "function"}
    return chunk({"tool_calls": [given]})


TOOLS = [
    chunk({"role": "assistant", "content": None}),
    piece(0, name="weigh", arguments=""),
    piece(0, arguments='{"thing": "the'),
    piece(0, arguments=' moon"}'),
    piece(1, name="measure", arguments=""),
    piece(1, arguments="{}"),
    chunk(finish="tool_calls"),
    *END,
]


def stream(parts, **given):
    return Reply(parts, headers=HEADERS | given.pop("headers", {}), **given)


def error(status, message="It is so.", *, kind="invalid_request_error", code=None, headers=None):
    body = event({"error": {"message": message, "type": kind, "param": None, "code": code}})[6:-2]
    return Reply([body], status, HEADERS | (headers or {}), "application/json")
