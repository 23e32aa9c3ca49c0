"""OpenAI's chat completions: the decoder of their streams, in the dialects of other providers too.

Source: the API reference of OpenAI, "The chat completion chunk object"; the dialects are listed in the guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from vital_shared.llm.base import (
    ModelError,
    ModelEvent,
    ModelTurn,
    ModelUnavailable,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
)
from vital_shared.llm.wires.counts import counts_in
from vital_shared.llm.wires.fields import label_in
from vital_shared.llm.wires.json_text import SurrogateJoiner, read_json
from vital_shared.llm.wires.openai_content import content_pieces, reasoning_text
from vital_shared.llm.wires.openai_errors import read_error
from vital_shared.llm.wires.openai_tool_calls import ToolCallPieces
from vital_shared.llm.wires.openai_usage import read_usage
from vital_shared.llm.wires.thoughts import ThoughtSplitter, find_lead

__all__ = ["OpenAIDecoder"]

MAX_REMEMBERED_MODELS: Final = 1000

_STOPS: Final[dict[str, StopReason]] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "spii": "content_filter",
    "refusal": "refusal",
    "recitation": "recitation",
}
"""Reasons of a stop, in small letters; any other is the answer's end."""

_FAILURE_REASONS: Final = frozenset(
    ("error", "failed", "network_error", "abort", "aborted", "timeout", "insufficient_system_resource")
)
"""Reasons for which an answer is not whole."""

_DONE: Final = b"[DONE]"
"""The end of a stream; all that is not JSON is slow to notice."""

_WHOLE_COUNTS: Final = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")


_PLACES_OF_USAGE: Final = ("x_groq", "metadata", "message", "response")
"""Fields of a chunk within which Groq, or a gateway, counts; the first that has counts is read."""
_NAMES_OF_PLACES: Final = frozenset(_PLACES_OF_USAGE)


class OpenAIDecoder:
    """The decoder of one answer's stream, or of a whole chat completion.

    :param model: for errors.
    :param begin_thinking: models whose answers are known to begin within ``<think>``; kept up to date here.
    :param must_be_usable: whether the answer is for us; else its client reads it, and what is of no use, such
        as a call without arguments, is its own concern.
    :param choices: the answers that the request asks for; all of them are read, as one text, where their
        client reads them apart.
    """

    __slots__ = (
        "_begin_thinking",
        "_begun_choices",
        "_calls",
        "_choices",
        "_counted",
        "_done",
        "_ended_choices",
        "_failure",
        "_finish",
        "_id",
        "_is_plain",
        "_model",
        "_reasoning_halves",
        "_refused",
        "_response_model",
        "_text_halves",
        "_thoughts",
        "_tier",
        "_usage",
        "pieces",
    )

    def __init__(
        self,
        model: str,
        begin_thinking: set[str] | None = None,
        *,
        must_be_usable: bool = True,
        choices: int = 1,
    ) -> None:
        self.pieces = 0
        self._model = model
        self._choices = choices
        self._begun_choices: set[int] = set()
        self._ended_choices: set[int] = set()
        self._begin_thinking = set() if begin_thinking is None else begin_thinking
        self._thoughts = ThoughtSplitter(begins_thinking=model in self._begin_thinking)
        self._text_halves = SurrogateJoiner()
        self._reasoning_halves = SurrogateJoiner()
        self._is_plain = False
        """Whether text may be passed on as it comes."""
        self._calls = ToolCallPieces(model, must_read=must_be_usable)
        self._tier: Any = None
        """The service tier that the response names."""
        self._usage: Any = None
        self._counted: Any = None
        """The usage object that has been read."""
        self._refused = False
        self._finish: str | None = None
        self._id: str | None = None
        self._response_model: str | None = None
        self._failure: ModelError | None = None
        self._done = False

    @property
    def is_whole(self) -> bool:
        """Whether the answer has come to its end, so that nothing behind it matters."""
        is_finished = self._finish is not None and (
            self._choices == 1 or len(self._ended_choices) >= self._choices
        )
        return self._failure is None and (is_finished or (self._done and self._has_answer))

    @property
    def is_over(self) -> bool:
        """Whether the server has said that its stream is over; only counts may still follow."""
        return self._done

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read one chunk."""
        if data == _DONE:
            self._done = True
            return ()
        try:
            chunk = orjson.loads(data)
        except ValueError:
            return self._read_odd(data)
        try:
            choice = chunk["choices"][0]
            delta = choice["delta"]
            text = delta["content"]
            is_usual = (
                self._is_plain
                and self._choices == 1
                and type(text) is str
                and text != ""
                and find_lead(text) is None
                and (len(delta) == 1 or (len(delta) == 2 and "role" in delta))
                and choice.get("finish_reason") is None
                and "error" not in choice
                and not chunk.get("usage")
                and not chunk.get("error")
                and "usage" not in choice
                and "message" not in choice
                and _NAMES_OF_PLACES.isdisjoint(chunk)
            )
        except (LookupError, TypeError):
            return self._read(chunk)
        if not is_usual:
            return self._read(chunk)
        self.pieces += 1
        self._thoughts.written.append(text)
        return (TextDelta(text=text),)

    def end(self) -> Sequence[ModelEvent]:
        """Return the rest of the text, the usage, the tool calls and the reason of the end."""
        if self._failure is not None:
            raise self._failure
        has_ended = self._finish is not None and self._begun_choices <= self._ended_choices
        if not self.is_whole and not has_ended:  # some send fewer choices than they are asked for
            raise ModelUnavailable(f'The stream of "{self._model}" broke off.', model=self._model)
        reason = _STOPS.get(self._finish or "", "end")
        events = [*self._last_text(is_cut_off=reason != "end"), *self._last_usage()]
        if not self._calls or reason != "end":  # a call that was cut off is none
            return [*events, self._stop("refusal" if self._refused and reason == "end" else reason)]
        calls = self._calls.whole()
        turn = ModelTurn(text="".join(self._thoughts.written), calls=calls)
        return [*events, *calls, turn, self._stop("tool_calls")]

    def _stop(self, reason: StopReason) -> Stop:
        return Stop(reason=reason, response_id=self._id, response_model=self._response_model)

    @property
    def _has_answer(self) -> bool:
        return self.pieces > 0

    def _read_odd(self, data: bytes) -> Sequence[ModelEvent]:
        """Read what is not JSON, or not strictly."""
        if data.strip() == _DONE:
            self._done = True
            return ()
        chunk = read_json(data)
        if chunk is None and not self.is_whole:
            said = " ".join(data[:100].decode("utf-8", "replace").split())
            message = f'"{self._model}" sent something that is not a JSON object ({said}).'
            raise ModelUnavailable(message, model=self._model, kind="bad_answer")
        return self._read(chunk)

    def _read(self, chunk: Any) -> Sequence[ModelEvent]:
        if self._failure is not None:
            return ()
        if isinstance(chunk, list):
            return [event for each in chunk if isinstance(each, dict) for event in self._read(each)]
        if not isinstance(chunk, dict):  # some send null or a number to keep the connection open
            return ()
        self._id = self._id or label_in(chunk.get("id"))
        self._response_model = self._response_model or label_in(chunk.get("model"))
        choice, *others = _objects(chunk.get("choices")) or [{}]
        if self._done:
            return self._count(_usage_of(chunk, choice))
        was_whole = self.is_whole
        events = self._read_choice(choice)
        if self._choices > 1:
            self._note_choice(choice)
            for other in others:
                events += self._read_other(other)
        if counts := _usage_of(chunk, choice):
            self._tier = chunk.get("service_tier") or self._tier
            events += self._count(counts)
        if not was_whole:
            self._check(chunk, choice, events)
        self._is_plain = self._thoughts.is_idle and not self._text_halves.pending
        return events

    def _read_choice(self, choice: Mapping[str, Any]) -> list[ModelEvent]:
        delta, message = choice.get("delta"), choice.get("message")
        events: list[ModelEvent] = []
        if isinstance(delta, dict):
            events = self._read_delta(delta, choice.get("index"))
        elif isinstance(message, dict) and not self._has_answer:
            events = self._read_delta(message, choice.get("index"))
            self._done = True
        elif isinstance(choice.get("text"), str):  # the older completions
            events = self._say(choice["text"])
        self._finish = _finish(choice.get("finish_reason")) or self._finish
        return events

    def _read_other(self, choice: Mapping[str, Any]) -> list[ModelEvent]:
        """Read another choice of a chunk, or of a whole answer."""
        said = choice.get("delta") or choice.get("message")
        events = self._read_delta(said, choice.get("index")) if isinstance(said, dict) else []
        self._finish = _finish(choice.get("finish_reason")) or self._finish
        self._note_choice(choice)
        return events

    def _note_choice(self, choice: Mapping[str, Any]) -> None:
        number = choice.get("index")
        if isinstance(number, int):
            self._begun_choices.add(number)
            if _finish(choice.get("finish_reason")) is not None:
                self._ended_choices.add(number)

    def _read_delta(self, delta: Mapping[str, Any], choice: object) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        if reasoning := reasoning_text(delta):
            self._thoughts.forget_assumption()
            events += self._think(reasoning)
        for piece in content_pieces(delta.get("content")):
            if piece.kind == "reasoning":
                self._thoughts.forget_assumption()
            self._refused = self._refused or piece.kind == "refusal"
            events += self._think(piece.text) if piece.kind == "reasoning" else self._say(piece.text)
        for piece in content_pieces(delta.get("refusal"), "refusal"):
            self._refused = True
            events += self._say(piece.text)
        if calls := delta.get("tool_calls") or delta.get("function_call"):
            self.pieces += self._calls.add(calls, choice)
        return events

    def _say(self, text: str) -> list[ModelEvent]:
        self.pieces += 1
        text = self._text_halves.feed(text)
        return self._thoughts.feed(text) if text else []

    def _think(self, text: str) -> list[ModelEvent]:
        self.pieces += 1
        text = self._reasoning_halves.feed(text)
        return [ReasoningDelta(text=text)] if text else []

    def _last_text(self, *, is_cut_off: bool) -> Sequence[ModelEvent]:
        events: list[ModelEvent] = []
        if rest := self._reasoning_halves.end():
            events.append(ReasoningDelta(text=rest))
        if rest := self._text_halves.end():
            events += self._thoughts.feed(rest)
        events += self._thoughts.end(is_cut_off=is_cut_off)
        if not self._thoughts.lone:
            if not is_cut_off:
                self._begin_thinking.discard(self._model)
        elif len(self._begin_thinking) < MAX_REMEMBERED_MODELS:
            self._begin_thinking.add(self._model)
        return events

    def _count(self, counts: Any) -> Sequence[ModelEvent]:
        """Keep the latest usage, since some count in every chunk; pass on the first, should it break off."""
        if self._usage is not None and not _has_counts(counts):
            return ()
        self._usage = counts
        if self._counted is not None and self._finish is None:
            return ()
        return self._last_usage()

    def _last_usage(self) -> Sequence[ModelEvent]:
        if self._usage is None or self._usage is self._counted:
            return ()
        self._counted = self._usage
        return (read_usage(self._usage, self._tier),)

    def _check(
        self, chunk: Mapping[str, Any], choice: Mapping[str, Any], events: Sequence[ModelEvent]
    ) -> None:
        """Raise the error in a chunk; with text beside it, keep it for the next chunk or the end."""
        error = _error_of(chunk, choice)
        if error is None and self._finish not in _FAILURE_REASONS:
            return
        said = {"message": f"it stopped with {self._finish}"} if error is None else error
        self._failure = read_error(None, said, self._model)
        if not events:
            raise self._failure


def _objects(choices: Any) -> list[Mapping[str, Any]]:
    if isinstance(choices, dict):
        return [choices]
    return [each for each in choices if isinstance(each, dict)] if isinstance(choices, list) else []


def _usage_of(chunk: Mapping[str, Any], choice: Mapping[str, Any]) -> Any:
    """Return the usage: of the chunk, of the choice (Moonshot), or from another place."""
    if usage := chunk.get("usage") or choice.get("usage"):
        return counts_in(usage)
    of_choice = (choice.get("delta"), choice.get("message"))
    of_chunk = (chunk.get(name) for name in _PLACES_OF_USAGE)
    places = (each for each in (*of_choice, *of_chunk) if isinstance(each, dict))
    return counts_in(next((usage for each in places if (usage := each.get("usage"))), None))


def _has_counts(usage: Any) -> bool:
    """Return whether a usage counts anything: some send zeros at the end, behind the real counts."""
    return isinstance(usage, dict) and any(usage.get(field) for field in _WHOLE_COUNTS)


def _error_of(chunk: Mapping[str, Any], choice: Mapping[str, Any]) -> Any:
    """Return the error of a chunk, or None."""
    delta = choice.get("delta")
    for place in (chunk, choice, delta if isinstance(delta, dict) else {}):
        if error := place.get("error"):
            return error
    if "choices" not in chunk and not chunk.get("usage"):
        if any(isinstance(chunk.get(field), str) for field in ("message", "detail")) or any(
            chunk.get(field) for field in ("errors", "detail")
        ):
            return chunk
        if chunk.get("object") == "error" or chunk.get("type") == "error":
            return chunk
    return None


def _finish(value: Any) -> str | None:
    """Read a reason of a stop, in small letters; some wrap it in an object or a list."""
    if value is None:
        return None
    for _ in range(3):
        if isinstance(value, dict):
            value = value.get("type") or value.get("reason") or value.get("value") or "stop"
        elif isinstance(value, list):
            value = value[0] if value else None
    if isinstance(value, str):
        return value.lower() or None
    return "stop" if value else None
