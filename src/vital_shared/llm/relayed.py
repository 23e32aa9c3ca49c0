"""A model that is asked in its provider's own words, and whose answer is passed on as it came."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.base import (
    CallStarted,
    ModelError,
    ModelEvent,
    ModelHeldBack,
    ModelRequest,
    ReasoningDelta,
    Stop,
    TextDelta,
    Usage,
)
from vital_shared.llm.choice_texts import ChoiceTexts
from vital_shared.llm.guarded_answer import GuardedAnswer
from vital_shared.llm.guardrail_relay import guarded_relay
from vital_shared.llm.routing.deployment import DeploymentObserver
from vital_shared.llm.wires.relay import Operation, Relay, RelayedRequest, RelayingProvider
from vital_shared.models.call_parameters import read_parameters

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
    :param operation: the operation that the client asks for.
    :param protocol: the protocol in which it is asked; None: that of the provider's wire.
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
        operation: Operation = "chat",
        protocol: str | None = None,
        observer: DeploymentObserver | None = None,
        guardrails: Guardrails | None = None,
    ) -> None:
        self.name = name
        self._protocol = protocol or provider.protocol
        self.operation = operation
        self.observer = observer
        self._provider = provider
        self._model = model
        self._write = write
        self._take = take
        self._input_tokens = input_tokens
        self._guardrails = guardrails
        self._relay: Relay | None = None
        self._answer: GuardedAnswer | None = None

    @property
    def has_passed_on(self) -> bool:
        """Whether the client has got a part of the answer."""
        if self._answer is not None:
            return self._answer.has_passed
        return self._relay is not None and self._relay.is_shown

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer the client's request, whatever is in this one but the length of the answer.

        :raises ModelError: when there is no answer, or no whole one.
        :raises InvalidRequest: when the provider's protocol cannot carry the request.
        """
        sent = self._write(self._protocol, self._model, request.max_output_tokens)
        answer: GuardedAnswer | None = None
        take = self._take
        if request.content is not None and sent.choices > 1:
            choices = ChoiceTexts(self._protocol)
            request.content.choices = choices.text
            take = _both(choices.take, take)
        if self._guardrails is not None and self._guardrails.is_active:
            sent, answer = await guarded_relay(self._guardrails, self.name, self._protocol, sent, take)
        if request.content is not None:
            request.content.prompt = sent.body
            if answer is not None:
                answer.note_in(request.content)
        address, port = self._provider.server or (None, None)
        parameters = read_parameters(sent.body, server_address=address, server_port=port)
        yield CallStarted(
            prompt=RELAYED_PROMPT,
            input_tokens=self._input_tokens,
            max_output_tokens=request.max_output_tokens,
            parameters=parameters._replace(is_streamed=sent.is_streamed),
        )
        self._answer = answer
        relay = self._relay = Relay(take if answer is None else answer.take)
        async with aclosing(self._provider.relay(self._model, sent, relay)) as events:
            if answer is None:
                async for event in events:
                    yield event
                return
            async for event in _judged(events, answer, is_streamed=sent.is_streamed):
                yield event


def _both(first: Callable[[bytes], None], second: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        first(data)
        second(data)

    return take


async def _judged(
    events: AsyncGenerator[ModelEvent, None], answer: GuardedAnswer, *, is_streamed: bool
) -> AsyncGenerator[ModelEvent, None]:
    """Give the events, and pass on of the answer what the guardrails allow.

    What is refused has to be paid for all the same: its text is given as a thought, which is no answer.
    """
    refusal: ModelHeldBack | None = None
    try:
        async for event in events:
            if refusal is None:
                try:
                    await answer.judge()
                except ModelHeldBack as error:
                    refusal = error
            if refusal is None or isinstance(event, Usage | Stop):
                yield event
            elif isinstance(event, TextDelta):
                yield ReasoningDelta(text=event.text)
            if refusal is not None and is_streamed:
                break
        if refusal is not None:
            raise refusal
        await answer.end()
    except ModelError as error:
        error.was_shown = answer.has_passed
        raise
