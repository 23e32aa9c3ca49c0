"""The answers of models that are asked at once: that of the first is passed on, nothing of the other's."""

from __future__ import annotations

from ai_engine.gateway.exchange import Exchange
from vital_shared.llm.wires.relay import RelayedRequest

__all__ = ["HeldAttempt"]


class HeldAttempt:
    """The attempt of one model, whose answer is held back until it is chosen.

    :param exchange: the client's request, which all attempts share.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.is_chosen = False
        self._exchange = exchange
        self._asked: tuple[str, str, int | None] | None = None
        self._held: list[bytes] = []

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:
        """Write the request for the model's provider, as `Exchange.request`."""
        self._asked = (protocol, model, max_output_tokens)
        self._held.clear()
        return self._exchange.request(protocol, model, max_output_tokens)

    def take(self, data: bytes) -> None:
        """Take the data of an event."""
        if self.is_chosen:
            self._exchange.take(data)
        else:
            self._held.append(data)

    def choose(self) -> None:
        """Pass on what has come, and from now on all as it comes."""
        if self.is_chosen or self._asked is None:
            return
        self.is_chosen = True
        self._exchange.request(*self._asked)  # the exchange reads the protocol of the latest one asked
        held, self._held = self._held, []
        for data in held:
            self._exchange.take(data)
