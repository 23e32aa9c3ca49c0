"""Anthropic's messages, from a client that speaks them to a provider that does: verbatim both ways.

Source: Anthropic's API reference, "Create a Message". Fields that are not known here are passed on, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.model_failures import stream_failure
from ai_engine.gateway.size import RequestSize, hosted_calls_of, measure, terms_of
from ai_engine.protocols.anthropic.error_types import error_body, error_type
from ai_engine.protocols.anthropic.whole_message import as_events
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.server_sent import named_event, relayed_event
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelError
from vital_shared.llm.wires.relay import Operation, RelayedRequest

__all__ = ["MessagesExchange"]

MEASURED_FIELDS: Final = ("system", "messages", "tools")
"""Fields of a request that a provider reads."""

OWN_FIELDS: Final = frozenset({"drop_params"})
"""Fields that are meant for the gateway."""


class MessagesExchange:
    """A message.

    :param body: the client's request.
    :param beta: the value of its header ``anthropic-beta``; empty: it has none.
    :param count: tokens of a text; ``count_at_most``: the most that it can have.
    :raises InvalidRequest: when a field that is read here cannot be read.
    """

    operation: Operation = "chat"

    def __init__(
        self,
        body: Mapping[str, Any],
        *,
        beta: str = "",
        count: Callable[[str], int],
        count_at_most: Callable[[str], int],
    ) -> None:
        fields = FieldReader(dict(body))
        self.channel = AnswerChannel()
        self._body = {name: value for name, value in body.items() if name not in OWN_FIELDS}
        self._headers = {"anthropic-beta": beta} if beta else {}
        self.is_streamed = fields.flag("stream") is True
        limit = fields.integer("max_tokens", 1)
        if limit is None:
            raise fields.wrong("max_tokens", "is missing")
        read = {name: body[name] for name in MEASURED_FIELDS if body.get(name) is not None}
        self._size = measure(
            read,
            count=count,
            count_at_most=count_at_most,
            max_output_tokens=limit,
            asked_terms=terms_of(body),
            max_hosted=hosted_calls_of(body),
        )

    @property
    def size(self) -> RequestSize:
        """The tokens of the request."""
        return self._size

    def check(self, protocol: str) -> None:
        """See whether a provider speaks the client's protocol."""
        if protocol != "anthropic":
            raise InvalidRequest(f"A message cannot be sent to a provider of {protocol}", field="model")

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:  # noqa: ARG002 - the client's own limit counts
        """Write the client's request, with the model's own name."""
        return RelayedRequest({**self._body, "model": model}, self.is_streamed, self._headers)

    def take(self, data: bytes) -> None:
        """Pass on an event, or the whole answer."""
        self.channel.put(_named(data) if self.is_streamed else data)

    def end(self) -> None:
        """Pass on the end, which the provider's last event says."""

    def break_off(self, error: ModelError) -> None:
        """Write in a stream that it does not go on, and why."""
        if self.is_streamed:
            failure = stream_failure(error)
            self.channel.put(named_event("error", error_body(error_type(failure.status), failure.message)))


def _named(data: bytes) -> bytes:
    """Write an event under its name, which is the type in its data; a whole message becomes several."""
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        event = None
    name = event.get("type") if isinstance(event, dict) else None
    if name == "message":
        return as_events(event)
    return relayed_event(data, name if isinstance(name, str) and name.isidentifier() else "")
