"""Answers of models as OpenAI's Responses API has them, whole and streamed.

Source: OpenAI's API reference, "The response object" and "Streaming events". Reasoning is shown as a summary.
"""

from __future__ import annotations

import time
from typing import Any, Final

import orjson

from ai_engine.protocols.canonical.answer import CanonicalAnswer, StreamFailure
from ai_engine.protocols.canonical.request import CanonicalRequest
from ai_engine.protocols.canonical.server_sent import named_event
from ai_engine.protocols.openai.errors import CODES
from vital_shared.llm.base import (
    ModelEvent,
    ModelToolCall,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    Usage,
)

__all__ = ["ResponseAnswerWriter", "response_answer"]

INCOMPLETE_REASONS: Final[dict[StopReason, str]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "recitation": "content_filter",
}
"""Reasons for which an answer is not complete."""


def response_answer(answer: CanonicalAnswer, request: CanonicalRequest, answer_id: str) -> dict[str, Any]:
    """Write a whole answer."""
    items: list[dict[str, Any]] = []
    if answer.reasoning:
        items.append(_reasoning_item(_item_id("rs", answer_id, len(items)), answer.reasoning))
    if answer.text:
        items.append(_message_item(_item_id("msg", answer_id, len(items)), answer.text))
    for call in answer.calls:
        items.append(_call_item(_item_id("fc", answer_id, len(items)), call))
    return _ended(_response(request, answer_id, int(time.time())), items, answer.reason, answer.usage)


def _response(request: CanonicalRequest, answer_id: str, created: int) -> dict[str, Any]:
    """Write the response before its answer."""
    return {
        "id": answer_id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": request.sampling.max_output_tokens,
        "metadata": {},
        "model": request.model,
        "output": [],
        "parallel_tool_calls": request.tool_choice.parallel,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": request.sampling.temperature,
        "text": {
            "format": {"type": "text"} if request.format is None else _format(request),
            "verbosity": request.verbosity or "medium",
        },
        "tool_choice": _choice(request),
        "tools": [_tool(request, place) for place in range(len(request.tools))],
        "top_p": request.sampling.top_p,
        "truncation": "disabled",
        "usage": None,
        "user": None,
        **request.repeated,
    }


def _format(request: CanonicalRequest) -> dict[str, Any]:
    wanted = request.format
    if wanted is None or wanted.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "name": wanted.name, "schema": wanted.schema, "strict": wanted.strict}


def _choice(request: CanonicalRequest) -> Any:
    choice = request.tool_choice
    return {"type": "function", "name": choice.name} if choice.kind == "tool" else choice.kind


def _tool(request: CanonicalRequest, place: int) -> dict[str, Any]:
    tool = request.tools[place]
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description or None,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }


def _ended(
    response: dict[str, Any], items: list[dict[str, Any]], reason: StopReason, usage: Usage
) -> dict[str, Any]:
    incomplete = INCOMPLETE_REASONS.get(reason)
    return response | {
        "status": "completed" if incomplete is None else "incomplete",
        "incomplete_details": None if incomplete is None else {"reason": incomplete},
        "output": items,
        "usage": response_usage(usage),
    }


def response_usage(usage: Usage) -> dict[str, Any]:
    """Write the counts; the cached ones are part of the input's."""
    read = {"cached_tokens": usage.cached_input_tokens, "cache_write_tokens": usage.cache_write_tokens}
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": read,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def _item_id(prefix: str, answer_id: str, index: int) -> str:
    return f"{prefix}_{answer_id.removeprefix('resp_')}_{index}"


def _reasoning_item(item_id: str, text: str) -> dict[str, Any]:
    return {"id": item_id, "type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}


def _message_item(item_id: str, text: str, status: str = "completed") -> dict[str, Any]:
    content = [] if status == "in_progress" else [_text_part(text)]
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call_item(item_id: str, call: ModelToolCall) -> dict[str, Any]:
    return {
        "id": item_id,
        "type": "function_call",
        "status": "completed",
        "call_id": call.id,
        "name": call.name,
        "arguments": orjson.dumps(call.arguments).decode(),
    }


class ResponseAnswerWriter:
    """The translation of a model's events into those of a response's stream.

    :param request: the client's.
    :param answer_id: the id of the answer.
    """

    def __init__(self, request: CanonicalRequest, answer_id: str) -> None:
        self._id = answer_id
        self._response = _response(request, answer_id, int(time.time()))
        self._sequence = -1
        self._items: list[dict[str, Any]] = []
        """The items that have ended."""
        self._open = ""
        """The type of the item that has not ended: ``message`` or ``reasoning``; empty: there is none."""
        self._texts: list[str] = []
        """The text of the open item."""
        self._usage = Usage()
        self._reason: StopReason = "end"

    def begin(self) -> bytes:
        """Write the beginning of the response."""
        created = self._event("response.created", response=self._response)
        return created + self._event("response.in_progress", response=self._response)

    def write(self, event: ModelEvent) -> bytes:
        """Write one event."""
        if isinstance(event, TextDelta):
            begun = b"" if self._open == "message" else self._begin_message()
            self._texts.append(event.text)
            return begun + self._of_text("response.output_text.delta", delta=event.text, logprobs=[])
        if isinstance(event, ReasoningDelta):
            begun = b"" if self._open == "reasoning" else self._begin_reasoning()
            self._texts.append(event.text)
            return begun + self._of_summary("response.reasoning_summary_text.delta", delta=event.text)
        if isinstance(event, ModelToolCall):
            return self._end_item() + self._call(event)
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Stop):
            self._reason = event.reason
        return b""

    def end(self) -> bytes:
        """Write the whole response."""
        ended_item = self._end_item()
        response = _ended(self._response, self._items, self._reason, self._usage)
        return ended_item + self._event(f"response.{response['status']}", response=response)

    def fail(self, failure: StreamFailure) -> bytes:
        """Write that the response has failed."""
        code = CODES.get(failure.status, "server_error")
        error = {"code": code, "message": failure.message}
        failed = self._response | {"status": "failed", "error": error, "output": self._items}
        return self._event("response.failed", response=failed)

    @property
    def _item_id(self) -> str:
        prefix = "msg" if self._open == "message" else "rs"
        return _item_id(prefix, self._id, len(self._items))

    def _begin_message(self) -> bytes:
        ended = self._end_item()
        self._open = "message"
        added = self._of_item("response.output_item.added", _message_item(self._item_id, "", "in_progress"))
        return ended + added + self._of_text("response.content_part.added", part=_text_part(""))

    def _begin_reasoning(self) -> bytes:
        ended = self._end_item()
        self._open = "reasoning"
        item = {"id": self._item_id, "type": "reasoning", "summary": []}
        part = {"type": "summary_text", "text": ""}
        added = self._of_item("response.output_item.added", item)
        return ended + added + self._of_summary("response.reasoning_summary_part.added", part=part)

    def _end_item(self) -> bytes:
        text, kind = "".join(self._texts), self._open
        if not kind:
            return b""
        if kind == "message":
            item = _message_item(self._item_id, text)
            ended = self._of_text("response.output_text.done", text=text, logprobs=[])
            ended += self._of_text("response.content_part.done", part=_text_part(text))
        else:
            item = _reasoning_item(self._item_id, text)
            ended = self._of_summary("response.reasoning_summary_text.done", text=text)
            part = {"type": "summary_text", "text": text}
            ended += self._of_summary("response.reasoning_summary_part.done", part=part)
        ended += self._of_item("response.output_item.done", item)
        self._items.append(item)
        self._open = ""
        self._texts.clear()
        return ended

    def _call(self, call: ModelToolCall) -> bytes:
        item = _call_item(_item_id("fc", self._id, len(self._items)), call)
        place = {"item_id": item["id"], "output_index": len(self._items)}
        arguments = item["arguments"]
        begun = item | {"status": "in_progress", "arguments": ""}
        written = self._of_item("response.output_item.added", begun)
        written += self._event("response.function_call_arguments.delta", **place, delta=arguments)
        written += self._event(
            "response.function_call_arguments.done", **place, name=call.name, arguments=arguments
        )
        written += self._of_item("response.output_item.done", item)
        self._items.append(item)
        return written

    def _of_item(self, name: str, item: dict[str, Any]) -> bytes:
        return self._event(name, output_index=len(self._items), item=item)

    def _of_text(self, name: str, **fields: Any) -> bytes:
        place = {"item_id": self._item_id, "output_index": len(self._items), "content_index": 0}
        return self._event(name, **place, **fields)

    def _of_summary(self, name: str, **fields: Any) -> bytes:
        place = {"item_id": self._item_id, "output_index": len(self._items), "summary_index": 0}
        return self._event(name, **place, **fields)

    def _event(self, name: str, /, **fields: Any) -> bytes:
        self._sequence += 1
        return named_event(name, {"type": name, "sequence_number": self._sequence, **fields})
