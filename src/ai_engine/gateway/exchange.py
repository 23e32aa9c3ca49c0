"""A client's request and the answer to it, between its protocol and the provider's."""

from __future__ import annotations

from typing import Protocol

from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.size import RequestSize
from vital_shared.llm.base import ModelError
from vital_shared.llm.wires.relay import Operation, RelayedRequest

__all__ = ["Exchange"]


class Exchange(Protocol):
    """One request of a client, which is sent to one model, or to several one after another."""

    channel: AnswerChannel
    """The way of the answer to the client, in its protocol."""

    @property
    def operation(self) -> Operation:
        """The operation that the client asks for."""
        ...

    @property
    def is_streamed(self) -> bool:
        """Whether the client reads the answer event by event."""
        ...

    @property
    def size(self) -> RequestSize:
        """The tokens that the request has, and may get."""
        ...

    def check(self, protocol: str) -> None:
        """See whether a provider can be asked.

        :param protocol: its wire.
        :raises InvalidRequest: when its protocol cannot carry the request, naming what.
        """
        ...

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:
        """Write the request for a provider.

        :param protocol: the provider's wire.
        :param model: the provider's own name of the model.
        :param max_output_tokens: the longest answer that the money allows, for all choices together; None:
            any.
        """
        ...

    def take(self, data: bytes) -> None:
        """Pass on the data of an event of the provider's."""
        ...

    def end(self) -> None:
        """Pass on the end of a whole answer."""
        ...

    def break_off(self, error: ModelError) -> None:
        """Pass on that the answer, of which a part was passed on, does not go on."""
        ...
