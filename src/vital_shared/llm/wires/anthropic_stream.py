"""Anthropic's Messages API: how its streams are read.

Source: Anthropic's guide "Streaming Messages". The servers of others that speak the protocol (gateways,
DeepSeek, Moonshot) send less of it, and more: see `ContentBlocks` and `AnthropicUsage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import uuid4

from vital_shared.llm.base import (
    ModelEvent,
    ModelToolCall,
    ModelTurn,
    ModelUnavailable,
    Stop,
    StopReason,
)
from vital_shared.llm.wires.anthropic_blocks import ContentBlocks
from vital_shared.llm.wires.anthropic_errors import failure
from vital_shared.llm.wires.anthropic_usage import AnthropicUsage
from vital_shared.llm.wires.call_arguments import read_arguments
from vital_shared.llm.wires.counts import counts_in
from vital_shared.llm.wires.fields import (
    UnreadableField,
    is_end_marker,
    is_keep_alive,
    label_in,
    object_in,
    objects_in,
    sendable,
)
from vital_shared.llm.wires.json_text import read_json
from vital_shared.llm.wires.thoughts import ThoughtSplitter

__all__ = ["WIRE", "AnthropicDecoder"]

WIRE: Final = "anthropic"

_STOPS: Final[dict[str, StopReason]] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # the provider's own tools took too long: there would be more
    "refusal": "refusal",
    # What gateways pass on of other providers:
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "recitation": "recitation",
}
"""Any other reason, which may be a new one, is an end."""

_FAILED_STOPS: Final = frozenset({"error", "network_error", "malformed_function_call", "abort", "aborted"})
"""Reasons of an answer gone wrong, which only gateways send."""

_TYPE_OF_FIELD: Final = {
    "content_block": "content_block_start",
    "message": "message_start",
    "index": "content_block_delta",
    "delta": "message_delta",
    "stop_reason": "message",
}
"""Types of events without a type, by the first field that they have."""


class AnthropicDecoder:
    """The decoder of one answer's stream.

    :param model: for errors.
    :param must_be_usable: whether the answer is for us; else its client reads it, and what is of no use, such
        as a call without arguments, is its own concern.
    """

    __slots__ = (
        "_blocks",
        "_ended",
        "_id",
        "_model",
        "_must_be_usable",
        "_response_model",
        "_stop",
        "_thoughts",
        "_usage",
        "pieces",
    )

    def __init__(self, model: str, *, must_be_usable: bool = True) -> None:
        self.pieces = 0
        self._model = model
        self._must_be_usable = must_be_usable
        self._blocks = ContentBlocks()
        self._thoughts = ThoughtSplitter()
        self._usage = AnthropicUsage()
        self._stop: str | None = None
        self._id: str | None = None
        self._response_model: str | None = None
        self._ended = False
        """Whether the server has said that the message is over; only counts may still follow."""

    @property
    def is_whole(self) -> bool:
        """Whether the answer has come to its end."""
        return self._stop is not None or self._ended

    @property
    def is_over(self) -> bool:
        """Whether the server has said that the message is over."""
        return self._ended

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read one event; kinds that are not known yet are passed over, as the guide asks."""
        if is_end_marker(data):
            self._ended = True
            return ()
        event = read_json(data)
        try:
            if isinstance(event, dict):
                return self._read(event)
            if isinstance(event, list):
                return [each for one in objects_in(event) for each in self._read(one)]
        except UnreadableField as error:
            if self._ended:
                return ()
            raise self._unreadable() from error
        if self._ended or is_keep_alive(data):
            return ()
        raise self._unreadable()

    def end(self) -> Sequence[ModelEvent]:
        """Return the tool calls and the reason of the end."""
        if self._stop is None and not self._ended:
            raise ModelUnavailable(f'The stream of "{self._model}" broke off.', model=self._model, kind="cut")
        if self._stop in _FAILED_STOPS:
            message = f'The answer of "{self._model}" went wrong: {self._stop}.'
            raise ModelUnavailable(message, model=self._model, kind="bad_answer")
        reason = _STOPS.get(self._stop or "end_turn", "end")
        rest = self._thoughts.end(is_cut_off=reason not in ("tool_calls", "end"))
        usage = self._usage.end(self._blocks.written_characters)
        return (*rest, *(() if usage is None else (usage,)), *self._last(reason))

    def _last(self, reason: StopReason) -> Sequence[ModelEvent]:
        if reason not in ("tool_calls", "end"):  # a call that the limit cut off is none
            return (self._stopped(reason),)
        blocks = self._blocks.whole()
        calls = self._calls(blocks, asked=reason == "tool_calls")
        if not calls:
            return (self._stopped("end"),)
        text = "".join(self._thoughts.written)
        thought = any("thinking" in block["type"] for block in blocks)  # goes back with its signatures
        turn = ModelTurn(text=text, calls=calls, wire=WIRE, native=sendable(blocks) if thought else None)
        return (*calls, turn, self._stopped("tool_calls"))

    def _stopped(self, reason: StopReason) -> Stop:
        return Stop(reason=reason, response_id=self._id, response_model=self._response_model)

    def _note_origin(self, message: Mapping[str, Any]) -> None:
        self._id = self._id or label_in(message.get("id"))
        self._response_model = self._response_model or label_in(message.get("model"))

    def _read(self, event: dict[str, Any]) -> Sequence[ModelEvent]:
        if self._ended:
            return self._count(event)
        kind = event.get("type")
        if not isinstance(kind, str):
            kind = next((kind for field, kind in _TYPE_OF_FIELD.items() if field in event), "")
        reader = self._READERS.get(kind)
        if reader is not None:
            return reader(self, event)
        if kind == "error" or event.get("error"):
            raise failure(event, self._model)
        return ()

    def _delta(self, event: Mapping[str, Any]) -> Sequence[ModelEvent]:
        return self._said(self._blocks.add_piece(event.get("index"), object_in(event.get("delta"))))

    def _begin(self, event: Mapping[str, Any]) -> Sequence[ModelEvent]:
        content = event.get("content_block") or event.get("delta")  # where some gateways put it
        return self._said(self._blocks.begin(event.get("index"), content))

    def _message_start(self, event: Mapping[str, Any]) -> Sequence[ModelEvent]:
        message = object_in(event.get("message"))
        self._note_origin(message)
        usage = self._usage.begin(counts_in(message.get("usage") or event.get("usage")))
        return () if usage is None else (usage,)

    def _message_delta(self, event: Mapping[str, Any]) -> Sequence[ModelEvent]:
        self._note_stop(event)
        self._note_stop(object_in(event.get("delta")))
        return self._count(event)

    def _message_stop(self, event: Mapping[str, Any]) -> Sequence[ModelEvent]:
        self._ended = True
        return self._count(event)

    def _message(self, message: dict[str, Any]) -> Sequence[ModelEvent]:
        """Read a whole message, from servers that do not stream."""
        self._note_origin(message)
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else objects_in(content)
        said = [each for at, block in enumerate(blocks) for each in self._said(self._blocks.begin(at, block))]
        self._note_stop(message)
        self._ended = True
        return [*said, *self._count(message)]

    def _said(self, event: ModelEvent | None) -> Sequence[ModelEvent]:
        self.pieces = self._blocks.pieces
        return () if event is None else self._thoughts.read(event)

    def _note_stop(self, said: Mapping[str, Any]) -> None:
        reason = label_in(said.get("stop_reason"))
        self._stop = reason.lower() if reason else self._stop

    def _count(self, event: Mapping[str, Any]) -> Sequence[ModelEvent]:
        within = (object_in(event.get(name)).get("usage") for name in ("delta", "message", "metadata"))
        usage = self._usage.update(counts_in(event.get("usage") or next(filter(None, within), None)))
        return () if usage is None else (usage,)

    def _calls(self, blocks: Sequence[dict[str, Any]], *, asked: bool) -> tuple[ModelToolCall, ...]:
        """Return the calls; two of one id, or one without, get ids of their own, which go back with them.

        :param asked: whether the provider said that it waits for tools; otherwise a nameless call is none.
        """
        calls: dict[str, ModelToolCall] = {}
        for block in blocks:
            name = label_in(block.get("name"))
            if block["type"] != "tool_use" or (name is None and not asked):
                continue
            given = label_in(block.get("id"))
            block["id"] = f"toolu_{uuid4().hex}" if given is None or given in calls else given
            call = self._call(block["id"], name, block.get("input"))
            if call is not None:
                calls[call.id], block["input"] = call, call.arguments
        return tuple(calls.values())

    def _call(self, call_id: str, name: str | None, given: object) -> ModelToolCall | None:
        arguments = read_arguments(given)
        if name is None or arguments is None:
            if not self._must_be_usable:
                return None
            raise ModelUnavailable(
                f'"{self._model}" asks for the tool "{name}" with arguments that are not a JSON object.',
                model=self._model,
                kind="bad_answer",
            )
        return ModelToolCall(id=call_id, name=name, arguments=arguments)

    def _unreadable(self) -> ModelUnavailable:
        message = f'"{self._model}" sent an event that cannot be read.'
        return ModelUnavailable(message, model=self._model, kind="bad_answer")

    _READERS: ClassVar[Mapping[str, Callable[[AnthropicDecoder, dict[str, Any]], Sequence[ModelEvent]]]] = {
        "content_block_delta": _delta,
        "content_block_start": _begin,
        "message_start": _message_start,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
        "message": _message,
    }
