"""A model that is asked in its provider's own words, and whose answer is passed on as it came."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.base import CallStarted, ModelEvent, ModelRequest
from vital_shared.llm.guardrail_relay import guarded_relay
from vital_shared.llm.routing.deployment import DeploymentObserver
from vital_shared.llm.wires.relay import Relay, RelayedRequest, RelayingProvider

__all__ = ["RELAYED_PROMPT", "RelayedModel"]

RELAYED_PROMPT: Final = "relayed@1"
"""The name of prompts that are the clients' own."""


class RelayedModel:
    """A model for one request.

    :param name: ``provider:model``.
    :param provider: carries the request; ``model``: its own name of the model.
    :param write: writes the request, with the longest answer that the money allows.
    :param take: takes the data of the answer's events.
    :param input_tokens: tokens of the request, for a provider that does not count them.
    :param observer: observes the call for the route that asks the model; None: none does.
    :param guardrails: the checks of the request; None: there are none.
    """

    calls_tools = True

    def __init__(
        self,
        name: str,
        provider: RelayingProvider,
        model: str,
        *,
        write: Callable[[str, str, int | None], RelayedRequest],
        take: Callable[[bytes], None],
        input_tokens: int,
        observer: DeploymentObserver | None = None,
        guardrails: Guardrails | None = None,
    ) -> None:
        self.name = name
        self.observer = observer
        self._provider = provider
        self._model = model
        self._write = write
        self._take = take
        self._input_tokens = input_tokens
        self._guardrails = guardrails

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer the client's request, whatever is in this one but the length of the answer.

        :raises ModelError: when there is no answer, or no whole one.
        :raises InvalidRequest: when the provider's protocol cannot carry the request.
        """
        sent = self._write(self._provider.protocol, self._model, request.max_output_tokens)
        take = self._take
        if self._guardrails is not None and self._guardrails.is_active:
            sent, take = await guarded_relay(self._guardrails, self.name, sent, take)
        yield CallStarted(
            prompt=RELAYED_PROMPT,
            input_tokens=self._input_tokens,
            max_output_tokens=request.max_output_tokens,
        )
        async with aclosing(self._provider.relay(self._model, sent, Relay(take))) as events:
            async for event in events:
                yield event
