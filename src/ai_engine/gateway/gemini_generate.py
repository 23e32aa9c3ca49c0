"""The Gemini API's generateContent, from a client that speaks it to a provider that does: verbatim both ways.

Source: the reference of the Gemini API, "Generating content". Unknown fields are passed on, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.model_failures import stream_failure
from ai_engine.gateway.size import RequestSize, hosted_calls_of, measure, terms_of
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.canonical.server_sent import plain_event, relayed_event
from ai_engine.protocols.gemini.error_statuses import error_body
from ai_engine.protocols.gemini.field_names import normal_form
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelError
from vital_shared.llm.wires.relay import Operation, RelayedRequest

__all__ = ["OWN_FIELDS", "PROTOCOLS", "GenerateExchange", "measured"]

PROTOCOLS: Final = frozenset({"gemini"})

MEASURED_FIELDS: Final = ("contents", "systemInstruction", "tools", "generationConfig")
"""Fields of a request that a provider reads."""

OWN_FIELDS: Final = frozenset({"drop_params", "dropParams"})
"""Fields that are meant for the gateway."""

CONFIGURATIONS: Final = ("generationConfig", "generation_config")
LIMITS: Final = ("maxOutputTokens", "max_output_tokens")


def measured(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a provider reads, of a request in its normal form."""
    return {name: body[name] for name in MEASURED_FIELDS if body.get(name) is not None}


class GenerateExchange:
    """A request for content.

    :param body: the client's request.
    :param is_streamed: whether the client reads the answer event by event, which its address says.
    :param count: tokens of a text; ``count_at_most``: the most that it can have.
    :raises InvalidRequest: when a field that is read here cannot be read.
    """

    operation: Operation = "chat"

    def __init__(
        self,
        body: Mapping[str, Any],
        *,
        is_streamed: bool,
        count: Callable[[str], int],
        count_at_most: Callable[[str], int],
    ) -> None:
        self.channel = AnswerChannel()
        self.is_streamed = is_streamed
        self._body = {name: value for name, value in body.items() if name not in OWN_FIELDS}
        fields = normal_form(self._body)
        config = FieldReader(fields).object("generationConfig")
        self._limit = None if config is None else config.integer("maxOutputTokens", 1)
        self._answers = (None if config is None else config.integer("candidateCount", 1)) or 1
        self._size = measure(
            measured(fields),
            count=count,
            count_at_most=count_at_most,
            max_output_tokens=None if self._limit is None else self._limit * self._answers,
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
            raise InvalidRequest(f"Contents cannot be sent to a provider of {protocol}", field="model")

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:  # noqa: ARG002 - the address names the model
        """Write the client's request, and a bound where the money needs one."""
        body = self._body
        if self._limit is None and max_output_tokens is not None:
            name = next((each for each in CONFIGURATIONS if body.get(each)), CONFIGURATIONS[0])
            config = {each: value for each, value in (body.get(name) or {}).items() if each not in LIMITS}
            body = {**body, name: {**config, LIMITS[0]: max(1, max_output_tokens // self._answers)}}
        return RelayedRequest(body, self.is_streamed)

    def take(self, data: bytes) -> None:
        """Pass on a chunk, or the whole answer."""
        self.channel.put(relayed_event(data) if self.is_streamed else data)

    def end(self) -> None:
        """Pass on the end, which the provider's last chunk says."""

    def break_off(self, error: ModelError) -> None:
        """Write in a stream that it does not go on, and why."""
        if self.is_streamed:
            failure = stream_failure(error)
            self.channel.put(plain_event(error_body(failure.status, failure.message)))
