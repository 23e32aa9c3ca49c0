"""A request that passes verbatim to providers of the client's protocol, and is translated for the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from starlette.responses import Response

from ai_engine.engine import Engine
from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.exchange import Exchange
from ai_engine.gateway.model_failures import refuse_translated_as_openai
from ai_engine.gateway.openai_errors import refuse_as_openai
from ai_engine.gateway.size import RequestSize
from ai_engine.gateway.translated import ClientProtocol, TranslatedExchange
from vital_shared.llm.base import ModelError
from vital_shared.llm.wires.relay import Operation, RelayedRequest

__all__ = ["EitherExchange", "refusal_as_openai"]


class EitherExchange:
    """One request in two ways, between which each attempt chooses by the provider's protocol.

    :param verbatim: passes it on as it is.
    :param protocols: the wires that speak the client's protocol.
    :param client: the client's protocol, from which it is translated for the others.
    :param body: the client's request.
    :param engine: counts its tokens, and says whether what cannot be carried is dropped.
    """

    operation: Operation = "chat"

    def __init__(
        self,
        verbatim: Exchange,
        protocols: AbstractSet[str],
        client: ClientProtocol,
        body: Mapping[str, Any],
        engine: Engine,
    ) -> None:
        account = engine.services.account
        self._verbatim = verbatim
        self._protocols = protocols
        self._translated = TranslatedExchange(
            client,
            body,
            count=account.count,
            count_at_most=account.count_at_most,
            channel=verbatim.channel,
            drops_params=engine.settings.drop_params,
        )
        self._chosen: Exchange = verbatim

    @property
    def channel(self) -> AnswerChannel:
        """The way of the answer, whichever of both is chosen."""
        return self._verbatim.channel

    @channel.setter
    def channel(self, channel: AnswerChannel) -> None:
        self._verbatim.channel = self._translated.channel = channel

    @property
    def is_streamed(self) -> bool:
        """Whether the client reads the answer event by event."""
        return self._verbatim.is_streamed

    @property
    def size(self) -> RequestSize:
        """The tokens of the request."""
        return self._verbatim.size

    @property
    def is_verbatim(self) -> bool:
        """Whether the latest attempt was verbatim."""
        return self._chosen is self._verbatim

    def check(self, protocol: str) -> None:
        """See whether a provider can be asked."""
        self._for(protocol).check(protocol)

    def request(self, protocol: str, model: str, max_output_tokens: int | None) -> RelayedRequest:
        """Write the request for a provider."""
        self._chosen = self._for(protocol)
        return self._chosen.request(protocol, model, max_output_tokens)

    def take(self, data: bytes) -> None:
        """Pass on the data of an event of the provider's."""
        self._chosen.take(data)

    def end(self) -> None:
        """Pass on the end of a whole answer."""
        self._chosen.end()

    def break_off(self, error: ModelError) -> None:
        """Pass on that the answer does not go on."""
        self._chosen.break_off(error)

    def _for(self, protocol: str) -> Exchange:
        return self._verbatim if protocol in self._protocols else self._translated


def refusal_as_openai(exchange: EitherExchange) -> Callable[[ModelError], Response]:
    """Return the answer to a client of OpenAI's when a model fails, by the provider that was asked last."""

    def refuse(error: ModelError) -> Response:
        return refuse_as_openai(error) if exchange.is_verbatim else refuse_translated_as_openai(error)

    return refuse
