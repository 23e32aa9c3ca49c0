"""Which models answer for an agent, in which order."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from vital_shared.errors import InvalidRequest
from vital_shared.llm.attempt import Account
from vital_shared.llm.base import Model
from vital_shared.llm.registry import ModelRegistry
from vital_shared.logs import get_logger
from vital_shared.models.agent import AgentProfile
from vital_shared.models.model_call import Tokens

__all__ = ["affordable", "models_for"]

logger = get_logger(__name__)

_SOME_TOKENS: Final = Tokens(input=1_000_000, output=1_000_000)


def models_for(agent: AgentProfile, model: str | None, registry: ModelRegistry) -> tuple[Model, ...]:
    """Return the model that is asked for, else the agent's, then its fallbacks, and the composer last.

    A fallback that no longer resolves is left out, and logged: it is there for bad times.

    :raises NotFound: when the first one is not there.
    """
    first = registry.get(model or agent.model)
    found = {first.name: first}
    for name in agent.fallbacks:
        try:
            fallback = registry.get(name)
        except InvalidRequest as error:
            logger.warning("fallback model left out", agent_id=agent.id, model=name, reason=str(error))
        else:
            found.setdefault(fallback.name, fallback)
    found.pop(registry.last.name, None)
    return (*found.values(), registry.last)


def affordable(
    models: tuple[Model, ...], account: Account, limit: Decimal | None, spent: Decimal
) -> tuple[Model, ...]:
    """Leave out what costs money once a run's limit is reached; the last model, which is free, stays.

    What has no known price may cost anything, and is left out too.
    """
    if limit is None or spent < limit:
        return models
    return tuple(
        model for model in models if model is models[-1] or account.price(model.name, _SOME_TOKENS) == 0
    )
