"""One small interface for everything that can write an answer.

A model gets a `ModelRequest` (structured: the prompt is the model's own affair) and streams
`ModelEvent` values: text as it comes, reasoning, whole tool calls, usage, and at the end exactly
one `Stop`. A failure is a `ModelError`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Literal, Protocol

from vital_shared.errors import VitalError
from vital_shared.models.base import Frozen
from vital_shared.models.citation import Citation, Passage
from vital_shared.models.message import Message
from vital_shared.models.tool import ToolResult

__all__ = [
    "Cited",
    "Message",
    "Model",
    "ModelError",
    "ModelEvent",
    "ModelRateLimited",
    "ModelRejected",
    "ModelRequest",
    "ModelTimeout",
    "ModelToolCall",
    "ModelUnavailable",
    "ReasoningDelta",
    "Stop",
    "StopReason",
    "TextDelta",
    "ToolDefinition",
    "Usage",
]

StopReason = Literal["end", "length", "tool_calls", "content_filter", "no_answer"]
"""``no_answer``: the passages do not hold one, and the text says so."""


class ToolDefinition(Frozen):
    """A tool that the model may ask to call."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of the arguments."""


class ModelRequest(Frozen):
    """All that a model may use for an answer.

    `passages` are numbered from 1 in their order, which is what [n] in the answer means.
    """

    question: str
    """Standing alone, also within a conversation."""

    instructions: str = ""
    """The agent's system prompt."""

    passages: tuple[Passage, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()
    history: tuple[Message, ...] = ()
    """Oldest first, without the question."""

    tools: tuple[ToolDefinition, ...] = ()
    response_schema: dict[str, Any] | None = None
    """JSON schema that the answer has to follow, or None for text."""

    max_output_tokens: int | None = None
    temperature: float | None = None


class TextDelta(Frozen):
    """A piece of the answer."""

    text: str


class ReasoningDelta(Frozen):
    """A piece of the model's reasoning."""

    text: str


class Cited(Frozen):
    """A citation whose number the text uses, from models that know the exact words that they quote."""

    citation: Citation


class ModelToolCall(Frozen):
    """A tool call that the model asks for, complete."""

    id: str
    name: str
    arguments: dict[str, Any]


class Usage(Frozen):
    """Tokens as the provider counted them, for the whole call."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    """True where we counted, because the provider did not say."""


class Stop(Frozen):
    """The last event."""

    reason: StopReason


ModelEvent = TextDelta | ReasoningDelta | Cited | ModelToolCall | Usage | Stop


class Model(Protocol):
    """Something that writes answers."""

    @property
    def name(self) -> str:
        """``provider:model``, or the bare name of an embedded one."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer, piece by piece.

        :raises ModelError: when there is no answer, or no whole one.
        """
        ...


class ModelError(VitalError):
    """A language model did not answer.

    :param message: one sentence.
    :param model: the model's name.
    :param retryable: whether the same call may succeed a moment later.
    :param request_id: the provider's own id of the call, for its support.
    """

    retryable = False

    def __init__(self, message: str, *, model: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.model = model
        self.request_id = request_id


class ModelTimeout(ModelError):
    """No connection, no first token or no next token in time."""

    retryable = True


class ModelUnavailable(ModelError):
    """The provider is down, overloaded or out of reach."""

    retryable = True


class ModelRateLimited(ModelError):
    """Too many calls.

    :param retry_after_seconds: what the provider asks to wait, or None.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        model: str,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, model=model, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds


class ModelRejected(ModelError):
    """The provider will not answer this call however often it is made: bad key, bad input, filter."""
