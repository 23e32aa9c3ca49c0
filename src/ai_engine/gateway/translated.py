"""A request that is translated for its provider, and the answer to it for its client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson

from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.limit_field import limit_field
from ai_engine.gateway.model_failures import stream_failure
from ai_engine.gateway.size import RequestSize, hosted_calls_of, measure, terms_of
from ai_engine.protocols.anthropic.message_body import message_body
from ai_engine.protocols.canonical.answer import AnswerWriter, CanonicalAnswer
from ai_engine.protocols.canonical.carrying import carried
from ai_engine.protocols.canonical.features import ProviderProtocol
from ai_engine.protocols.canonical.request import CanonicalRequest
from ai_engine.protocols.gemini.generate_body import generate_body
from ai_engine.protocols.openai.chat_body import chat_body
from vital_shared.errors import InvalidRequest
from vital_shared.llm.base import ModelError, ModelEvent, Usage
from vital_shared.llm.wires.anthropic_stream import AnthropicDecoder
from vital_shared.llm.wires.base import Decoder
from vital_shared.llm.wires.gemini_stream import GeminiDecoder
from vital_shared.llm.wires.openai_stream import OpenAIDecoder
from vital_shared.llm.wires.relay import Operation, RelayedRequest

__all__ = ["ClientProtocol", "TranslatedExchange"]

MEASURED_FIELDS: Final = (
    *("messages", "prompt", "system", "input", "instructions", "tools", "response_format", "text"),
    *("contents", "systemInstruction", "system_instruction", "generationConfig", "generation_config"),
)
"""Fields of a request that a provider reads."""


class ClientProtocol(NamedTuple):
    """The protocol of a client."""

    id_prefix: str
    read: Callable[[Any], CanonicalRequest]
    write_whole: Callable[[CanonicalAnswer, CanonicalRequest, str], dict[str, Any]]
    """The writer of a whole answer to a request, with its id."""
    writer: Callable[[CanonicalRequest, str, int], AnswerWriter]
    """The writer of a stream, with its id and an estimate of the tokens that it was asked with."""


class _Provider(NamedTuple):
    """The protocol of a provider."""

    name: ProviderProtocol
    body: Callable[[CanonicalRequest, str], dict[str, Any]]
    decoder: Callable[[str], Decoder]


def _compatible_body(request: CanonicalRequest, model: str) -> dict[str, Any]:
    return chat_body(request, model, max_tokens_field=limit_field(model))


PROVIDERS: Final[Mapping[str, _Provider]] = {
    "openai": _Provider("openai", _compatible_body, OpenAIDecoder),
    "azure": _Provider("openai", chat_body, OpenAIDecoder),
    "anthropic": _Provider("anthropic", message_body, AnthropicDecoder),
    "gemini": _Provider("gemini", generate_body, GeminiDecoder),
}
"""Protocols of providers, by the names of their wires."""

ADDED_TO_CHATS: Final = frozenset({"stream_options", "max_tokens", "max_completion_tokens"})
"""Fields of chat completions that other protocols do not have, or by another name."""


class TranslatedExchange:
    """A client's request in its own protocol, for providers that speak another.

    :param client: the client's protocol.
    :param body: its request.
    :param count: tokens of a text; ``count_at_most``: the most that it can have.
    :param channel: takes the answer.
    :param drops_params: whether a request that does not say so drops what a provider cannot take, too.
    """

    operation: Operation = "chat"

    def __init__(
        self,
        client: ClientProtocol,
        body: Mapping[str, Any],
        *,
        count: Callable[[str], int],
        count_at_most: Callable[[str], int],
        channel: AnswerChannel | None = None,
        drops_params: bool = False,
    ) -> None:
        self.channel = channel or AnswerChannel()
        self._client = client
        self._body = body
        self._count, self._count_at_most = count, count_at_most
        self._drops_params = drops_params
        self._id = f"{client.id_prefix}{uuid4().hex}"
        self._answer = CanonicalAnswer()
        self._decoder: Decoder = OpenAIDecoder("")
        self._has_begun = False

    @cached_property
    def canonical(self) -> CanonicalRequest:
        """The request in the form between the protocols.

        :raises InvalidRequest: when it cannot be read.
        """
        request = self._client.read(dict(self._body))
        if self._drops_params and self._body.get("drop_params") is None:
            return replace(request, drop_params=True)
        return request

    @cached_property
    def _writer(self) -> AnswerWriter:
        return self._client.writer(self.canonical, self._id, self.size.input_tokens)

    @property
    def is_streamed(self) -> bool:
        """Whether the client reads the answer event by event."""
        return self.canonical.stream

    @cached_property
    def size(self) -> RequestSize:
        """The tokens of the request."""
        read = {name: self._body[name] for name in MEASURED_FIELDS if self._body.get(name) is not None}
        limit = self.canonical.sampling.max_output_tokens
        return measure(
            read,
            count=self._count,
            count_at_most=self._count_at_most,
            max_output_tokens=limit,
            asked_terms=terms_of(self._body),
            max_hosted=hosted_calls_of(self._body),
        )

    def check(self, protocol: str) -> None:
        """See whether a provider's protocol can carry the request.

        :raises InvalidRequest: when it cannot, naming the field.
        """
        if protocol not in PROVIDERS:
            raise InvalidRequest(f"A provider that speaks {protocol} cannot be asked here", field="model")
        carried(self.canonical, PROVIDERS[protocol].name)

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:
        """Write the request for a provider; it is always streamed."""
        provider = PROVIDERS[protocol]
        request = carried(self.canonical, provider.name)
        if request.sampling.max_output_tokens is None and max_output_tokens is not None:
            bounded = replace(request.sampling, max_output_tokens=max_output_tokens)
            request = replace(request, sampling=bounded)
        self._decoder = provider.decoder(model)
        added = ADDED_TO_CHATS if provider.name == "openai" else frozenset[str]()
        return RelayedRequest(
            provider.body(request, model), is_streamed=True, is_translated=True, added=added
        )

    def take(self, data: bytes) -> None:
        """Translate an event of the provider's."""
        for event in self._decoder.feed(data):
            self._add(event)

    def end(self) -> None:
        """Write the end of a whole answer, or all of it where it is not streamed."""
        for event in self._decoder.end():
            self._add(event)
        self._add(self._counted())
        if self.is_streamed:
            self._begin()
            self.channel.put(self._writer.end())
        else:
            whole = self._client.write_whole(self._answer, self.canonical, self._id)
            self.channel.put(orjson.dumps(whole))

    def break_off(self, error: ModelError) -> None:
        """Write in a stream that it does not go on, and why."""
        if self.is_streamed:
            self._begin()
            self.channel.put(self._writer.fail(stream_failure(error)))

    def _add(self, event: ModelEvent) -> None:
        self._answer.add(event)
        if self.is_streamed:
            if not isinstance(event, Usage):  # the first counts stand in the beginning
                self._begin()
            self.channel.put(self._writer.write(event))

    def _counted(self) -> Usage:
        """Return the provider's counts, and the estimates that are charged where it gives none."""
        answer = self._answer
        read = answer.usage.input_tokens or self.size.input_tokens
        written = answer.usage.output_tokens or self._count(answer.written)
        if (read, written) == (answer.usage.input_tokens, answer.usage.output_tokens):
            return answer.usage
        counts = {"input_tokens": read, "output_tokens": written, "estimated": True}
        return answer.usage.model_copy(update=counts)

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self.channel.put(self._writer.begin())
