"""Answers of a chat completions API that break its rules, each as the bytes of one response."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["ODD_ANSWERS"]

TEXT: Final = "A review takes 90 days."


def _event(data: Any) -> bytes:
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


def _chunk(delta: Any, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def _usage(prompt: Any, completion: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion, **more}}


def _stream(*events: Any) -> bytes:
    return b"".join(_event(each) for each in (*events, b"[DONE]"))


def _answer(usage: Any) -> bytes:
    return _stream(_chunk({"content": TEXT}), _chunk({}, "stop"), usage)


def _call(arguments: Any) -> bytes:
    call = {"index": 0, "id": "a", "function": {"name": "calculator", "arguments": arguments}}
    return _stream(_chunk({"tool_calls": [call]}), _chunk({}, "tool_calls"), _usage(100, 20))


_WHOLE = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}]
}
_ERROR = {"code": 502, "message": "The upstream is gone."}

ODD_ANSWERS: Final[dict[str, bytes]] = {
    "more cached than read": _answer(_usage(100, 20, prompt_tokens_details={"cached_tokens": 500})),
    "a negative count": _answer(_usage(-50_000, 20)),
    "a count beyond any model": _answer(_usage(3 * 10**14, 20)),
    "a count beyond 64 bits": _answer(_usage(10**30, 10**30)),
    "a count that is no number": _answer(_usage(True, {"value": 3})),
    "counts as floats and texts": _answer(_usage(100.0, "20")),
    "not a number": _stream(
        _chunk({"content": TEXT}), _chunk({}, "stop"), b'{"choices":[],"usage":{"prompt_tokens":NaN}}'
    ),
    "usage is a list": _answer({"choices": [], "usage": [1, 2]}),
    "all zeros": _answer(_usage(0, 0)),
    "no usage": _stream(_chunk({"content": TEXT}), _chunk({}, "stop")),
    "content is a list": _stream(_chunk({"content": [{"type": "text", "text": TEXT}]}), _chunk({}, "stop")),
    "content is a number": _stream(_chunk({"content": 42}), _chunk({}, "stop")),
    "content is an object": _stream(_chunk({"content": {"text": TEXT}}), _chunk({}, "stop")),
    "delta is a text": _stream(_chunk(TEXT), _chunk({}, "stop")),
    "choices is an object": _stream({"choices": {"0": {"delta": {"content": TEXT}}}}),
    "choices holds null": _stream({"choices": [None]}, _chunk({"content": TEXT}, "stop")),
    "finish_reason is an object": _stream(_chunk({"content": TEXT}), _chunk({}, {"type": "stop"})),
    "tool arguments are an object": _call({"expression": "2+3"}),
    "tool arguments are no JSON": _call("{{{"),
    "tool arguments are nested deeply": _call('{"a":' * 2_000 + "1" + "}" * 2_000),
    "a tool without a name": _stream(_chunk({"tool_calls": [{"index": 0, "function": None}]}, "tool_calls")),
    "tool_calls is a number": _stream(_chunk({"tool_calls": 7}), _chunk({}, "tool_calls")),
    "an error at once": _stream({"error": _ERROR}),
    "an error midway": _stream(_chunk({"content": TEXT}), _chunk({"content": ""}, "error", error=_ERROR)),
    "an error that is a list": _stream([{"error": _ERROR}]),
    "no stream but JSON": json.dumps(_WHOLE).encode(),
    "no stream but HTML": b"<html><body>502 Bad Gateway</body></html>",
    "thoughts within the text": _stream(_chunk({"content": f"<think>Hm.</think>{TEXT}"}), _chunk({}, "stop")),
    "halves of surrogates": _stream(
        b'{"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"\\ude00"}}]}',
        _chunk({}, "stop"),
    ),
    "NUL in the text": _stream(_chunk({"content": f"{TEXT}\0"}), _chunk({}, "stop")),
    "bytes that are no UTF-8": b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n',
    "the stream breaks off": _event(_chunk({"content": "A review "})),
    "nothing at all": b"",
    "a filter": _stream(_chunk({"content": "A review "}), _chunk({}, "content_filter"), _usage(100, 2)),
}
"""By what is odd about them."""
