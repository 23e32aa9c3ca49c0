"""OpenAI's chat completions, from a client that speaks them to a provider that does: verbatim both ways.

Source: OpenAI's API reference, "Chat completions". Fields that are not known here are passed on, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.limit_field import limit_field
from ai_engine.gateway.size import RequestSize, hosted_calls_of, measure, terms_of
from ai_engine.protocols.canonical.server_sent import relayed_event
from ai_engine.protocols.openai.whole_completion import as_chunk
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelError
from vital_shared.llm.wires.relay import Operation, RelayedRequest

__all__ = ["ChatExchange"]

DONE: Final = b"[DONE]"

PROTOCOLS: Final = frozenset({"openai", "azure"})

MEASURED_FIELDS: Final = ("messages", "tools", "functions", "response_format", "prediction")
"""The fields of a request that a model reads."""

OWN_FIELDS: Final = frozenset({"drop_params"})
"""Fields that are meant for the gateway."""

MAX_CHOICES: Final = 128


class ChatExchange:
    """A chat completion.

    :param body: the client's request.
    :param count: tokens of a text; ``count_at_most``: the most that it can have.
    :raises InvalidRequest: when a field that is read here cannot be read.
    """

    operation: Operation = "chat"

    def __init__(
        self, body: Mapping[str, Any], *, count: Callable[[str], int], count_at_most: Callable[[str], int]
    ) -> None:
        self.channel = AnswerChannel()
        self._body = {name: value for name, value in body.items() if name not in OWN_FIELDS}
        self.is_streamed = _flag(body, "stream")
        self._choices = _whole(body, "n", MAX_CHOICES) or 1
        self._limit = _whole(body, "max_completion_tokens") or _whole(body, "max_tokens")
        options = body.get("stream_options")
        self._shows_usage = isinstance(options, Mapping) and options.get("include_usage") is True
        self._is_done = False
        read = {name: body[name] for name in MEASURED_FIELDS if body.get(name) is not None}
        asked = None if self._limit is None else self._limit * self._choices
        self._size = measure(
            read,
            count=count,
            count_at_most=count_at_most,
            max_output_tokens=asked,
            asked_terms=terms_of(body),
            max_hosted=hosted_calls_of(body),
        )

    @property
    def size(self) -> RequestSize:
        """The tokens of the request."""
        return self._size

    def check(self, protocol: str) -> None:
        """See whether a provider speaks the client's protocol."""
        if protocol not in PROTOCOLS:
            raise InvalidRequest(
                f"A chat completion cannot be sent to a provider that speaks {protocol}.", field="model"
            )

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:
        """Write the client's request, with the model's own name, and a bound where the money needs one."""
        body = {**self._body, "model": model}
        added: set[str] = set()
        if self.is_streamed:
            options = body.get("stream_options")
            if not options:
                added.add("stream_options")
            body["stream_options"] = {
                **(options if isinstance(options, Mapping) else {}),
                "include_usage": True,
            }
        if self._limit is None and max_output_tokens is not None:
            field = "max_completion_tokens" if protocol == "azure" else limit_field(model)
            body[field] = max(1, max_output_tokens // self._choices)
            added.add(field)
        return RelayedRequest(body, self.is_streamed, added=frozenset(added))

    def take(self, data: bytes) -> None:
        """Pass on an event, or the whole answer."""
        if not self.is_streamed:
            self.channel.put(data)
        elif data.strip() == DONE:
            self._put_done()
        elif self._shows_usage or not _is_usage_alone(data):
            self.channel.put(relayed_event(as_chunk(data)))

    def end(self) -> None:
        """End a stream, also where the provider leaves its last event out."""
        if self.is_streamed:
            self._put_done()

    def break_off(self, error: ModelError) -> None:
        """Say in a stream that it does not go on, and why."""
        if self.is_streamed and not self._is_done:
            said = {"message": error.message, "type": "server_error", "param": None, "code": error.kind}
            self.channel.put(b"data: " + orjson.dumps({"error": said}) + b"\n\n")
            self._put_done()

    def _put_done(self) -> None:
        if not self._is_done:
            self._is_done = True
            self.channel.put(b"data: " + DONE + b"\n\n")


def _is_usage_alone(data: bytes) -> bool:
    """Return whether an event holds nothing but the counts, which a client gets that has asked for them."""
    if b'"usage"' not in data or b'"choices":[]' not in data.replace(b" ", b""):
        return False
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return isinstance(event, dict) and event.get("choices") == [] and bool(event.get("usage"))


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidRequest(f"{name} has to be true or false", field=name)
    return value is True


def _whole(body: Mapping[str, Any], name: str, most: int = 100_000_000) -> int | None:
    """Read a whole number.

    :raises InvalidRequest: when it is none, or none that can be.
    """
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():  # as some languages write all numbers
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidRequest(f"{name} has to be a whole number from 1 to {most:,}", field=name)
    return value
