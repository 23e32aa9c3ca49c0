"""Passes a provider's own words on beside what they mean: its clients read them as they came."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol, runtime_checkable

import orjson

from vital_shared.llm.base import ModelEvent
from vital_shared.llm.wires.base import Decoder
from vital_shared.llm.wires.json_text import read_json

__all__ = ["RESPONSES", "Operation", "Relay", "RelayedRequest", "RelayingProvider"]


Operation = Literal["chat", "embeddings", "responses"]

RESPONSES: Final = "responses"
"""The protocol of OpenAI's Responses API, which a provider may offer beside that of its wire."""


class RelayedRequest(NamedTuple):
    """A request in the words of the provider's own protocol."""

    body: Mapping[str, Any]
    is_streamed: bool
    headers: Mapping[str, str] = MappingProxyType({})
    """Headers of the client's that the provider's protocol has."""
    operation: Operation = "chat"
    is_translated: bool = False
    """Whether the client gets the meaning of the answer, not its words."""
    added: frozenset[str] = frozenset()
    """Fields of the body that are not the client's own: one that the provider refuses is left out, or gets
    its other name."""

    @property
    def choices(self) -> int:
        """The answers that it asks for (OpenAI, Gemini)."""
        config = self.body.get("generationConfig") or self.body.get("generation_config")
        fields = config if isinstance(config, Mapping) else {}
        stated = (self.body.get("n"), fields.get("candidateCount"), fields.get("candidate_count"))
        return max((count for count in stated if isinstance(count, int)), default=1)


class Relay:
    """The data of one answer's events, held back until the model has begun to answer.

    What a failed attempt said before that is never passed on, so that another attempt may be made.

    :param pass_on: takes the data of one event, without ``data:``.
    """

    def __init__(self, pass_on: Callable[[bytes], None]) -> None:
        self.is_shown = False
        """Whether something was passed on."""
        self._pass_on = pass_on
        self._held: list[bytes] = []

    def reading(self, decoder: Decoder) -> Decoder:
        """Return a decoder for an attempt, whose data are passed on as well."""
        self._held.clear()
        return _RelayingDecoder(decoder, self)

    def take(self, data: bytes) -> None:
        """Take the data of an event."""
        if self.is_shown:
            self._pass_on(data)
        else:
            self._held.append(data)

    def release(self) -> None:
        """Pass on what is held back, and from now on all as it comes."""
        self.is_shown = True
        for data in self._held:
            self._pass_on(data)
        self._held.clear()


class _RelayingDecoder:
    """A decoder whose data are passed on once they are read, so that an error in them is not.

    The event by which the stream is over, and what follows it, are passed on with the end: a client that has
    got it goes, though its call is still to be settled.
    """

    __slots__ = ("_decoder", "_relay", "_rest")

    def __init__(self, decoder: Decoder, relay: Relay) -> None:
        self._decoder = decoder
        self._relay = relay
        self._rest: list[bytes] = []
        """The data from the event on by which the stream is over."""

    @property
    def pieces(self) -> int:
        """Pieces of the answer that have come."""
        return self._decoder.pieces

    @property
    def is_whole(self) -> bool:
        """Whether the answer has come to its end."""
        return self._decoder.is_whole

    @property
    def is_over(self) -> bool:
        """Whether the server has said that its stream is over."""
        return self._decoder.is_over

    def feed(self, data: bytes) -> Sequence[ModelEvent]:
        """Read the data of an event, and pass them on, unless the stream is over with it."""
        events = self._decoder.feed(data)
        if self.is_over or self._rest:
            self._rest += _objects(data) or (data,)  # an end marker is no object
            return events
        for each in _objects(data):
            self._relay.take(each)
        if not self._relay.is_shown and (self._decoder.pieces or self._decoder.is_whole):
            self._relay.release()
        return events

    def end(self) -> Sequence[ModelEvent]:
        """Return the last events."""
        events = self._decoder.end()
        for data in self._rest:
            self._relay.take(data)
        self._relay.release()
        return events


def _objects(data: bytes) -> Sequence[bytes]:
    """Return the JSON objects of an event: clients read nothing else.

    Some servers send a list of them, or null to keep the connection open.
    """
    if data.lstrip()[:1] == b"{":
        return (data,)
    held = read_json(data)
    return [orjson.dumps(each) for each in held if isinstance(each, dict)] if isinstance(held, list) else ()


@runtime_checkable
class RelayingProvider(Protocol):
    """A provider that can be asked in its own protocol."""

    @property
    def protocol(self) -> str:
        """The name of its wire."""
        ...

    @property
    def offers_responses(self) -> bool:
        """Whether it can be asked in the protocol `RESPONSES`, too."""
        ...

    @property
    def server(self) -> tuple[str, int] | None:
        """Its host and port; None: it is in this process."""
        ...

    def relay(self, model: str, request: RelayedRequest, relay: Relay) -> AsyncGenerator[ModelEvent, None]:
        """Ask; the answer's data go to `relay`, and their meaning is given.

        Iterating raises `ModelError`.

        :param model: its own name of the model.
        """
        ...
