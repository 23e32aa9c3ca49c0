"""The models and the providers behind them, with their health."""

from __future__ import annotations

from fastapi import APIRouter, Request

from ai_engine.engine import engine_of
from vital_shared.breaker import Breakers
from vital_shared.llm.providers import ProviderStatus
from vital_shared.models.base import Frozen

__all__ = ["router"]

router = APIRouter(prefix="/v1/providers", tags=["providers"])


class ProviderView(Frozen):
    """A provider of models; its key is never shown."""

    name: str
    wire: str
    """Its protocol."""

    base_url: str
    key_env: str
    """The environment's variable that holds its key, or would; empty: it wants none."""

    is_ready: bool
    """Whether its models can be asked: it has an address, and a key where it wants one."""

    @classmethod
    def of(cls, status: ProviderStatus) -> ProviderView:
        """Return the view of a provider."""
        return cls(
            name=status.name,
            wire=status.wire,
            base_url=status.base_url,
            key_env=status.key,
            is_ready=status.ready,
        )


class ModelHealth(Frozen):
    """A model, as seen by this process of the engine."""

    name: str
    is_installed: bool
    """Whether it runs in the engine itself; others are behind providers."""

    is_left_alone: bool
    """Whether it failed so often that it is not asked for a while."""

    last_failure: str | None
    """The reason why it did not answer last time; None: it did, or was not asked yet."""


class ProviderList(Frozen):
    """The providers, the configured ones first, and the models that are known by name."""

    providers: tuple[ProviderView, ...]
    models: tuple[ModelHealth, ...]


@router.get("", summary="List models and providers")
async def list_providers(request: Request) -> ProviderList:
    """List the providers, and the models that are installed, named by agents, or failing.

    Failures are those seen by the answering process; others may have seen different ones.
    """
    services = engine_of(request).services
    known, breakers = services.models.providers, services.breakers
    agents = await services.agents.list(tenant_id=None)
    named = (name for agent in agents for name in (agent.profile.model, *agent.profile.fallbacks))
    installed = services.models.names
    names = dict.fromkeys((*installed, *sorted({*named, *breakers.left_alone, *breakers.reasons})))
    return ProviderList(
        providers=tuple(ProviderView.of(each) for each in (known.status() if known else ())),
        models=tuple(_health(name, breakers, is_installed=name in installed) for name in names),
    )


def _health(name: str, breakers: Breakers, *, is_installed: bool) -> ModelHealth:
    return ModelHealth(
        name=name,
        is_installed=is_installed,
        is_left_alone=name in breakers.left_alone,
        last_failure=breakers.reasons.get(name),
    )
