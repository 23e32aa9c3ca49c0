"""Make the output of a model fit to be passed on: no more than requested, in pieces, and clean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vital_shared.llm.base import (
    MAX_CALL_TOKENS,
    CallStarted,
    CitationRemoved,
    Cited,
    ModelEvent,
    ModelFailed,
    ModelToolCall,
    ModelTurn,
    ReasoningDelta,
    Stop,
    TextDelta,
    TextWithdrawn,
    Usage,
)
from vital_shared.llm.tool_arguments import argument_problem
from vital_shared.models.citation import Citation
from vital_shared.models.clean_text import clean_text

__all__ = ["Intake"]

MAX_CHARACTERS: Final = 1_000_000
"""Characters of an answer's text, and of its reasoning: more than any of today's models can write."""

CHARACTERS_PER_TOKEN: Final = 16
"""Four times what a token is in English: a model that was asked for less stops long before."""

MIN_CHARACTERS: Final = 4_000
"""Allowed whatever was asked for."""

PIECE_CHARACTERS: Final = 16_384
"""A longer piece of text is passed on in several."""

MAX_TOOL_CALLS: Final = 64
"""Tool calls of one answer; what a model asks for beyond is left out."""

MAX_CITATIONS: Final = 1_000
MAX_NAME_CHARACTERS: Final = 256


class Intake:
    """The events of one answer, as they are passed on.

    :param model: the model's name.
    :param max_output_tokens: the length that it was asked for; None: any.
    """

    def __init__(self, model: str, max_output_tokens: int | None) -> None:
        self._model = model
        self._text_left = self._reasoning_left = _characters(max_output_tokens)
        self._calls_left = MAX_TOOL_CALLS
        self._citations_left = MAX_CITATIONS

    def take(self, event: ModelEvent) -> Sequence[ModelEvent]:
        """Return what is to be passed on of an event.

        :raises ModelFailed: when the answer is longer than it may be, or this is no event.
        """
        if isinstance(event, TextDelta):
            self._text_left -= len(event.text) or 1  # an endless row of empty pieces has an end too
            self._check(self._text_left, "longer than it may be")
            return _pieces(event)
        if isinstance(event, ReasoningDelta):
            self._reasoning_left -= len(event.text) or 1
            self._check(self._reasoning_left, "longer in its reasoning than it may be")
            return _pieces(event)
        return (self._whole(event),) if self._is_wanted(event) else ()

    def _is_wanted(self, event: ModelEvent) -> bool:
        """Count what a question can make a sound model do: what is beyond is left out, and no failure."""
        if isinstance(event, ModelToolCall):
            self._calls_left -= 1
            return self._calls_left >= 0
        if isinstance(event, Cited):
            self._citations_left -= 1
            return self._citations_left >= 0
        return not isinstance(event, Usage) or _is_possible(event)

    def _whole(self, event: ModelEvent) -> ModelEvent:
        if isinstance(event, ModelToolCall):
            return _usable(event)
        if isinstance(event, ModelTurn):
            return _clean_turn(event)
        if isinstance(event, Cited) and isinstance(event.citation, Citation):
            return event
        if isinstance(event, Stop):
            return _clean_stop(event)
        if isinstance(event, CallStarted | CitationRemoved | TextWithdrawn | Usage):
            return event
        raise self._failed(f"one with a {type(event).__name__} that is no event")

    def _check(self, left: int, words: str) -> None:
        if left < 0:
            raise self._failed(words)

    def _failed(self, words: str) -> ModelFailed:
        return ModelFailed(f'The answer of the model "{self._model}" is {words}.', model=self._model)


def _characters(max_output_tokens: int | None) -> int:
    if max_output_tokens is None:
        return MAX_CHARACTERS
    return min(MAX_CHARACTERS, max(MIN_CHARACTERS, max_output_tokens * CHARACTERS_PER_TOKEN))


def _pieces(event: TextDelta | ReasoningDelta) -> Sequence[TextDelta | ReasoningDelta]:
    text = clean_text(event.text)
    if len(text) <= PIECE_CHARACTERS:
        return (event if text is event.text else type(event)(text=text),)
    begins = range(0, len(text), PIECE_CHARACTERS)
    return [type(event)(text=text[begin : begin + PIECE_CHARACTERS]) for begin in begins]


def _is_possible(usage: Usage) -> bool:
    """Return whether a call can have such counts: our own stand in for those that none can."""
    counts = (
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    )
    return all(type(count) is int and 0 <= count <= MAX_CALL_TOKENS for count in counts)


def _clean_stop(stop: Stop) -> Stop:
    labels = {
        "request_id": stop.request_id,
        "response_id": stop.response_id,
        "response_model": stop.response_model,
    }
    if all(map(_is_clean_label, labels.values())):
        return stop
    return stop.model_copy(update={name: _clean_label(value) for name, value in labels.items()})


def _is_clean_label(label: object) -> bool:
    return label is None or (isinstance(label, str) and label.isascii() and len(label) < 100)


def _clean_label(label: object) -> str | None:
    return None if label is None else clean_text(str(label)[:MAX_NAME_CHARACTERS])


def _usable(call: ModelToolCall) -> ModelToolCall:
    """Take away what can be neither stored nor sent, and note in the call that it cannot be made."""
    problem = argument_problem(call.arguments) if isinstance(call.arguments, dict) else "it has no arguments"
    name, call_id = (clean_text(text[:MAX_NAME_CHARACTERS]) for text in (call.name, call.id))
    if problem is None and name == call.name and call_id == call.id:
        return call
    return ModelToolCall(
        id=call_id, name=name, arguments={} if problem else call.arguments, problem=problem or call.problem
    )


def _clean_turn(turn: ModelTurn) -> ModelTurn:
    """Write a turn without what cannot be sent back; the provider's own form of it goes with that."""
    text, calls = clean_text(turn.text), tuple(map(_usable, turn.calls[:MAX_TOOL_CALLS]))
    if text == turn.text and calls == turn.calls:
        return turn
    return ModelTurn(text=text, calls=calls)
