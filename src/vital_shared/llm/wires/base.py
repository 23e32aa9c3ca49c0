"""Wires: the request format and the stream of one kind of provider; no I/O here.

A wire makes of a `Chat` the body of one HTTP request, and of the server-sent events that come back
`ModelEvent` values. Sending, timeouts, retries and the pool of connections are the transport's, once for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pydantic import Field, InstanceOf

from vital_shared.llm.base import ModelError, ModelEvent, ModelTurn, ToolDefinition
from vital_shared.llm.call_content import CallContent
from vital_shared.models.base import Frozen

__all__ = [
    "Chat",
    "Decoder",
    "SystemTurn",
    "ToolOutput",
    "ToolTurn",
    "Turn",
    "UserTurn",
    "Wire",
    "WireRequest",
]


class UserTurn(Frozen):
    """A turn of the user."""

    text: str


class SystemTurn(Frozen):
    """Instructions at their place in a conversation."""

    text: str


class ToolOutput(Frozen):
    """The result of one tool call."""

    id: str
    """The id of the call."""
    name: str
    text: str
    failed: bool = False


class ToolTurn(Frozen):
    """The results of the tool calls in the model's turn before, in their order."""

    outputs: tuple[ToolOutput, ...]


Turn = SystemTurn | UserTurn | ModelTurn | ToolTurn


class Chat(Frozen):
    """A prompt, ready to be sent: what all providers have in common."""

    system: str = ""
    turns: tuple[Turn, ...]
    """Turns: the first but for instructions is a user's, and every tool turn follows the model's turn that
    asked."""
    tools: tuple[ToolDefinition, ...] = ()
    may_call: bool = True
    """False: the tools are there for the calls of earlier turns, and may not be called again."""
    response_schema: Mapping[str, Any] | None = None
    """JSON schema that the text has to follow; None: any text."""
    max_output_tokens: int | None = None
    temperature: float | None = None
    options: Mapping[str, Any] = {}
    """Additional fields of the provider's own request body, from the configuration; merged in last."""
    content: InstanceOf[CallContent] | None = Field(default=None, exclude=True, repr=False)
    """The place of the prompt as it is sent; None: it is not stored."""


class WireRequest(NamedTuple):
    """One HTTP request, a POST of JSON."""

    path: str
    """Behind the provider's base address, beginning with ``/``; may have a query."""
    body: dict[str, Any]


class Decoder(Protocol):
    """The decoder of one answer's stream."""

    @property
    def pieces(self) -> int:
        """Pieces of the answer that have come (of text, reasoning and tool calls, not pings).

        Only these show that a model is at work.
        """
        ...

    @property
    def is_whole(self) -> bool:
        """Whether the answer has come to its end, so that what goes wrong behind it does not matter."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether the server has said that its stream is over, such as with ``[DONE]``.

        At most counts follow, and the connection need not end.
        """
        ...

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read the data of one server-sent event, and return what it says.

        `Usage` may come several times, the last one counts. `Stop` comes from `end`.

        :raises ModelError: when the event reports an error, or cannot be read.
        """
        ...

    def end(self) -> Sequence[ModelEvent]:
        """Return the last events, `Stop` last: the stream has ended.

        Each whole tool call comes as `ModelToolCall` (from here or from `feed`); where there are any, a
        `ModelTurn` with all of them comes before `Stop`.

        :raises ModelUnavailable: when the stream broke off before the answer was whole.
        """
        ...


class Wire(Protocol):
    """One kind of provider."""

    @property
    def name(self) -> str:
        """``openai``, ``anthropic`` or ``gemini``: what the configuration calls it."""
        ...

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of every request, the key's among them; None: the provider wants none."""
        ...

    def path(self, model: str, *, is_streamed: bool) -> str:
        """Return the path at which a model is asked.

        :param model: the provider's own name of the model, without ``provider:``.
        """
        ...

    def embeddings_path(self, model: str) -> str | None:
        """Return the path of embeddings; None: the provider's protocol has none.

        :param model: the provider's own name of the model, without ``provider:``.
        """
        ...

    def embeddings_decoder(self, model: str) -> Decoder:
        """Return a reader for one answer with embeddings.

        :param model: the full name, ``provider:model``, for errors.
        """
        ...

    def request(self, model: str, chat: Chat) -> WireRequest:
        """Write a request for a streamed answer.

        :param model: the provider's own name of the model, without ``provider:``.
        """
        ...

    def decoder(self, model: str, *, must_be_usable: bool = True, choices: int = 1) -> Decoder:
        """Return a reader for one answer.

        :param model: the full name, ``provider:model``, for errors.
        :param must_be_usable: whether the answer is for us; else its client reads it, so that calls which
            cannot be made, and ends which are no success, are answers as well.
        :param choices: the answers that the request asks for; the text of all of them is counted.
        """
        ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes, model: str) -> ModelError:
        """Read an answer that is no stream: an error, by its status, or within a body of status 200.

        :param headers: the headers of the response, whose names are found in any case.
        :param body: its beginning, at most 64 KiB.
        :param model: the full name, ``provider:model``.
        """
        ...

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Return the provider's own id of a call, from the headers of its response."""
        ...
