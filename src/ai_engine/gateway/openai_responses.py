"""OpenAI's responses, from a client that speaks them to a provider that does: verbatim both ways.

Source: OpenAI's API reference, "Create a model response". Fields that are not known here are passed on, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.model_failures import stream_failure
from ai_engine.gateway.size import RequestSize, hosted_calls_of, measure, terms_of
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.server_sent import named_event, relayed_event
from ai_engine.protocols.openai.errors import CODES
from ai_engine.protocols.responses.response_request_reader import refuse_stored_state
from ai_engine.protocols.responses.whole_response import as_events, is_whole
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelError
from vital_shared.llm.wires.relay import RESPONSES, Operation, RelayedRequest

__all__ = ["ResponsesExchange"]

MEASURED_FIELDS: Final = ("input", "instructions", "tools", "text")
"""Fields of a request that a provider reads."""

OWN_FIELDS: Final = frozenset({"drop_params"})
"""Fields that are meant for the gateway."""

NAME: Final = re.compile(r"[a-z0-9_.]{1,100}")


class ResponsesExchange:
    """A response.

    :param body: the client's request.
    :param count: tokens of a text; ``count_at_most``: the most that it can have.
    :raises InvalidRequest: when a field that is read here cannot be read, or needs stored state.
    """

    operation: Operation = "chat"

    def __init__(
        self, body: Mapping[str, Any], *, count: Callable[[str], int], count_at_most: Callable[[str], int]
    ) -> None:
        fields = FieldReader(dict(body))
        refuse_stored_state(fields)
        self.channel = AnswerChannel()
        self.is_streamed = fields.flag("stream") is True
        self._body = {name: value for name, value in body.items() if name not in OWN_FIELDS}
        self._limit = fields.integer("max_output_tokens", 1)
        self._response: dict[str, Any] = {}
        """The response as the provider has begun it."""
        self._sequence = -1
        read = {name: body[name] for name in MEASURED_FIELDS if body.get(name) is not None}
        self._size = measure(
            read,
            count=count,
            count_at_most=count_at_most,
            max_output_tokens=self._limit,
            asked_terms=terms_of(body),
            max_hosted=hosted_calls_of(body),
        )

    @property
    def size(self) -> RequestSize:
        """The tokens of the request."""
        return self._size

    def check(self, protocol: str) -> None:
        """See whether a provider speaks the client's protocol."""
        if protocol != RESPONSES:
            raise InvalidRequest(
                f"A response cannot be requested from a provider of {protocol}", field="model"
            )

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:  # noqa: ARG002 - there is one
        """Write the client's request, with the model's own name, and a bound where the money needs one."""
        body = {**self._body, "model": model}
        if self._limit is None and max_output_tokens is not None:
            body["max_output_tokens"] = max_output_tokens
        self._response, self._sequence = {}, -1
        return RelayedRequest(body, self.is_streamed, operation="responses")

    def take(self, data: bytes) -> None:
        """Pass on an event, or the whole answer."""
        self.channel.put(self._named(data) if self.is_streamed else data)

    def end(self) -> None:
        """Pass on the end, which the provider's last event says."""

    def break_off(self, error: ModelError) -> None:
        """Write in a stream that it does not go on, and why."""
        if not self.is_streamed:
            return
        failure = stream_failure(error)
        said = {"code": CODES.get(failure.status, "server_error"), "message": failure.message}
        name: str
        fields: dict[str, Any]
        if self._response:
            response = self._response | {"status": "failed", "error": said}
            name, fields = "response.failed", {"response": response}
        else:
            name, fields = "error", {**said, "param": None}
        event = {"type": name, **fields, "sequence_number": self._sequence + 1}
        self.channel.put(named_event(name, event))

    def _named(self, data: bytes) -> bytes:
        """Write an event under its name, which is the type in its data; a whole response becomes several."""
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict):
            return relayed_event(data)
        if is_whole(event):
            events = as_events(event)
            self._response, self._sequence = event, len(events) - 1
            return b"".join(named_event(each["type"], each) for each in events)
        if isinstance(event.get("response"), dict):
            self._response = event["response"]
        if isinstance(number := event.get("sequence_number"), int):
            self._sequence = number
        name = event.get("type")
        return relayed_event(data, name if isinstance(name, str) and NAME.fullmatch(name) else "")
