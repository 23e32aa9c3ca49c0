"""Models in the order in which they are asked: the first that answers does.

On an error, a timeout or an open breaker the next one is asked, unless the reader has seen something of
the answer by then: a second answer behind half of the first would be none. The last resort of a chain (the
extractive composer) has no breaker and is never hedged.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from vital_shared.breaker import TenantBreakers
from vital_shared.deadline import client_is_out_of_time
from vital_shared.hedge_budget import HedgeBudget
from vital_shared.llm.attempt import Attempt
from vital_shared.llm.base import (
    CallStarted,
    Model,
    ModelError,
    ModelEvent,
    ModelRateLimited,
    ModelRejected,
    ModelRequest,
    ModelTimeout,
    ModelUnavailable,
)
from vital_shared.llm.call_metrics import count_fallback
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.llm.hedged_call import HedgedCall
from vital_shared.logs import get_logger
from vital_shared.models.model_call import FailureKind, ModelCall

__all__ = ["Chain"]

logger = get_logger(__name__)

FAIR_FIRST_TOKEN_SECONDS: Final = 10.0
"""Time after which a model that has not begun to answer has failed, however hasty its client is."""

REASONS: Final[Mapping[FailureKind, str]] = {
    "auth": "the provider refuses its key or account (401, 402 or 403)",
    "refused": "the provider rejects the request",
    "rate_limit": "it is asked too often (429)",
    "timeout": "it is too slow",
}
"""Failures in words that repeat nothing of what a provider says: `/readyz` is open to all."""


class Chain:
    """One answer, by the first model that gives it.

    :param models: at least one.
    :param breakers: those that the tenant's calls meet.
    :param account: the pricing of calls.
    :param has_last_resort: whether the last model answers where all others have failed, whatever its breaker.
    :param hedge_after_seconds: start the next model too after this time without text; None: never.
    :param hedges: the budget of such starts, shared by all chains of an engine; None: each is allowed.
    """

    def __init__(
        self,
        models: Sequence[Model],
        breakers: TenantBreakers,
        account: CallPricing,
        hedge_after_seconds: float | None = None,
        hedges: HedgeBudget | None = None,
        *,
        has_last_resort: bool = True,
    ) -> None:
        self.answered: Model | None = None
        """The model whose text was shown."""
        self.errors: list[ModelError] = []
        """The errors of the other models, in order."""
        self.last_resort = models[-1] if has_last_resort else None
        """The model that answers where all others have failed; None: nothing does."""
        self._models = models
        self._breakers = breakers
        self._account = account
        self._hedge_after = hedge_after_seconds
        self._hedges = hedges or HedgeBudget(1)
        self._attempts: list[Attempt] = []

    @property
    def calls(self) -> tuple[ModelCall, ...]:
        """The calls that went out and have ended, in the order of their start."""
        return tuple(attempt.call for attempt in self._attempts if attempt.call is not None)

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer; closing the generator ends every call.

        Iterating raises `ModelError`: what the last model raised, or the one whose answer broke off; and
        `StoreError` where a call of a durable run could not be announced.
        """
        return self._one_by_one(request) if self._hedge_after is None else self._hedged(request)

    async def _one_by_one(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        for model in self._models:
            attempt = self._attempt(model, request)
            if attempt is None:
                continue
            try:
                with attempt.recorded():
                    async with aclosing(attempt.stream()) as events:
                        async for event in events:
                            if type(event) is CallStarted:
                                await attempt.announce(event)
                            for part in attempt.take(event):  # as `Attempt.events`, with a generator less
                                self.answered = model
                                yield part
            except ModelError as error:
                self._failed(attempt, error)
                if attempt.has_text or error.was_shown or model is self.last_resort:
                    raise
            else:
                self._breakers.succeeded(model.name)
                return
        raise self.errors[-1]

    async def _hedged(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Hedge between two models at a time; the last one answers alone where all others have failed."""
        assert self._hedge_after is not None  # noqa: S101 - for the type checker: the caller has looked
        models = self._models if self.last_resort is None else self._models[:-1]
        attempts = (self._attempt(model, request) for model in models)
        while True:
            hedged_call = HedgedCall(filter(None, attempts), self._hedge_after, self._failed, self._hedges)
            try:
                async with aclosing(hedged_call.events()) as events:
                    async for event in events:
                        self.answered = hedged_call.winner.model if hedged_call.winner else None
                        yield event
            except ModelError as error:
                if hedged_call.winner is None or hedged_call.winner.has_text or error.was_shown:
                    raise
                continue  # it was only heard thinking: the others may still answer
            if hedged_call.winner is None:
                break
            self._breakers.succeeded(hedged_call.winner.model.name)
            return
        if self.last_resort is None:
            raise self.errors[-1]
        last = self._last(self.last_resort, request)
        async with aclosing(last.events()) as events:
            async for event in events:
                self.answered = last.model
                yield event

    def _attempt(self, model: Model, request: ModelRequest) -> Attempt | None:
        """Prepare a try; None where the model's breaker is open."""
        if model is not self.last_resort and not self._breakers.allows(model.name):
            error = ModelUnavailable(
                f'The model "{model.name}" has failed several times in a row and is not used for now.',
                model=model.name,
            )
            error.retry_after_seconds = self._breakers.seconds_left(model.name)
            self.errors.append(error)
            if model is not self._models[-1]:
                count_fallback(error)
            return None
        attempt = Attempt(model, request, self._account)
        self._attempts.append(attempt)
        return attempt

    def _last(self, model: Model, request: ModelRequest) -> Attempt:
        attempt = Attempt(model, request, self._account)
        self._attempts.append(attempt)
        return attempt

    def _failed(self, attempt: Attempt, error: ModelError) -> None:
        self.errors.append(error)
        if not attempt.has_text and attempt.model is not self.last_resort:
            if attempt.model is not self._models[-1]:
                count_fallback(error)
            reason = REASONS.get(error.kind, error.kind)
            self._breakers.note(attempt.model.name, reason)
            logger.warning(
                "model_unanswered", model=error.model, reason=reason, provider_request_id=error.request_id
            )
            # A provider may repeat the prompt, or a part of the key.
            logger.debug("model_error", model=error.model, message=error.message)
        if isinstance(error, ModelRateLimited) or error.kind == "bad_answer":
            self._breakers.failed_alone(attempt.model.name)
        elif not isinstance(error, ModelRejected) and not _was_hurried(attempt, error):
            self._breakers.failed(attempt.model.name)  # a rejected call says nothing about the next one


def _was_hurried(attempt: Attempt, error: ModelError) -> bool:
    """Return whether the client's deadline ended the call before the model's own timeouts could be judged.

    Otherwise a client with a short deadline would open the breaker for all others.
    """
    if not isinstance(error, ModelTimeout) or not client_is_out_of_time():
        return False
    return attempt.has_text or attempt.call is None or attempt.call.seconds < FAIR_FIRST_TOKEN_SECONDS
