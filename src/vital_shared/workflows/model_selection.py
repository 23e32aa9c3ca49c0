"""The models that answer for an agent, in their order, and their cost limits."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from typing import Final

from vital_shared.errors import ConfigurationError, InvalidRequest, NotFound
from vital_shared.llm.base import Model, ModelEvent, ModelRequest
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.llm.registry import ModelRegistry
from vital_shared.llm.routing.deployment import observer_of
from vital_shared.logs import get_logger
from vital_shared.models.agent import AgentProfile
from vital_shared.models.model_call import Tokens

__all__ = [
    "DEFAULT_MAX_OUTPUT_TOKENS",
    "MIN_ANSWER_TOKENS",
    "TokenCapped",
    "check_default_model",
    "check_prices",
    "remaining",
    "resolve_models",
]

logger = get_logger(__name__)

DEFAULT_MAX_OUTPUT_TOKENS: Final = 4_096
"""The longest answer that is reckoned with where the model's own limit is not configured; all of today's
models may write as much."""

MIN_ANSWER_TOKENS: Final = 64
"""An answer that has to be shorter is not worth asking for."""


def resolve_models(agent: AgentProfile, model: str | None, registry: ModelRegistry) -> tuple[Model, ...]:
    """Return the model that is asked for, else the agent's, then its fallbacks, and the composer last.

    A route stands for its deployments.

    A fallback that no longer resolves is left out, and logged: it is there for bad times.

    :raises NotFound: when the first one is not there.
    """
    found = {each.name: each for each in registry.chain(model or registry.chosen(agent.model))}
    for name in agent.fallbacks:
        try:
            fallbacks = registry.chain(name)
        except InvalidRequest as error:
            logger.warning("fallback_model_skipped", agent_id=agent.id, model=name, reason=str(error))
        else:
            for fallback in fallbacks:
                found.setdefault(fallback.name, fallback)
    found.pop(registry.last.name, None)
    return (*found.values(), registry.last)


def check_default_model(name: str, registry: ModelRegistry) -> None:
    """See at the start that the default model can be asked, and point out a key that nothing uses.

    :raises ConfigurationError: when it cannot, with the reason.
    """
    if name:
        try:
            registry.get(name)
        except NotFound as error:
            raise ConfigurationError(f"VITAL_MODEL cannot be used: {error}") from error
        return
    for provider in registry.providers.status() if registry.providers else ():
        if provider.key and provider.ready:
            logger.warning(
                "no_model_chosen",
                key=provider.key,
                hint=f"agents quote passages: set VITAL_MODEL={provider.name}:<model> to let one answer",
            )
            return


def check_prices(models: Sequence[Model], account: CallPricing) -> None:
    """See that what is asked has a price.

    :raises InvalidRequest: naming the first model that has none.
    """
    for model in models:
        if account.rates(model.name, Tokens()) is None:
            raise InvalidRequest(
                f'The model "{model.name}" has no known price, and VITAL_UNPRICED is "refuse": '
                f'set a price in the configuration, as [models."{model.name}".price].',
                field="model",
            )


def remaining(limit: Decimal | None, spent: Decimal) -> Decimal | None:
    """Return what is left of a run's own limit; None: it has none."""
    return None if limit is None else max(Decimal(0), limit - spent)


class TokenCapped:
    """A model with a limit on the tokens that it may write."""

    def __init__(self, model: Model, tokens: int) -> None:
        self.name = model.name
        self.calls_tools = model.calls_tools
        self.tokens = tokens
        self.observer = observer_of(model)
        self._model = model

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Answer, within the limit.

        :raises ModelError: as the model does.
        """
        return self._model.stream(request.model_copy(update={"max_output_tokens": self.tokens}))
