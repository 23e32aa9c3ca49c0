"""An answer of a model in the form between the protocols: its events, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from vital_shared.llm.base import (
    ModelEvent,
    ModelToolCall,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    Usage,
)
from vital_shared.llm.tool_arguments import arguments_text

__all__ = ["AnswerWriter", "CanonicalAnswer", "StreamFailure", "collected"]


@dataclass(slots=True)
class CanonicalAnswer:
    """A whole answer, put together from its events."""

    texts: list[str] = field(default_factory=list)
    reasonings: list[str] = field(default_factory=list)
    calls: list[ModelToolCall] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    reason: StopReason = "end"

    @property
    def text(self) -> str:
        """All of its text."""
        return "".join(self.texts)

    @property
    def reasoning(self) -> str:
        """All of its reasoning."""
        return "".join(self.reasonings)

    @property
    def written(self) -> str:
        """All that the model has written: its reasoning, its text and its calls of tools."""
        calls = (f"{call.name} {arguments_text(call.arguments)}" for call in self.calls)
        return "".join((*self.reasonings, *self.texts, *calls))

    def add(self, event: ModelEvent) -> None:
        """Take one event; those of retrieval and citing say nothing to clients of models."""
        if isinstance(event, TextDelta):
            self.texts.append(event.text)
        elif isinstance(event, ReasoningDelta):
            self.reasonings.append(event.text)
        elif isinstance(event, ModelToolCall):
            self.calls.append(event)
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, Stop):
            self.reason = event.reason


def collected(events: Iterable[ModelEvent]) -> CanonicalAnswer:
    """Return the answer that events make."""
    answer = CanonicalAnswer()
    for event in events:
        answer.add(event)
    return answer


@dataclass(frozen=True, slots=True)
class StreamFailure:
    """A failure within a stream, whose status has been sent already."""

    message: str
    status: int
    """The status of HTTP that it would have had."""
    code: str = ""
    """Its name, such as ``model``."""


class AnswerWriter(Protocol):
    """The translation of an answer's events into the server-sent events of a client's protocol."""

    def begin(self) -> bytes:
        """Write what comes before the answer."""
        ...

    def write(self, event: ModelEvent) -> bytes:
        """Write one event; empty where the protocol has nothing for it."""
        ...

    def end(self) -> bytes:
        """Write the end of an answer that is whole."""
        ...

    def fail(self, failure: StreamFailure) -> bytes:
        """Write the end of an answer that is none."""
        ...
