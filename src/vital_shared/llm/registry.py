"""The models: those that were given, and all of the providers that are ready."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeGuard

from vital_shared.errors import ConfigurationError, InvalidRequest, NotFound
from vital_shared.guardrails.configuration import GuardrailTable
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.llm.base import Model
from vital_shared.llm.configuration import Configuration, ModelTable, RouteTable
from vital_shared.llm.guarded import GuardedModel
from vital_shared.llm.guardrail_chat import guarded_chat
from vital_shared.llm.guardrail_model import GuardrailModel
from vital_shared.llm.prompted import PromptedModel
from vital_shared.llm.prompts.counting import Count, at_most, estimate_tokens
from vital_shared.llm.prompts.prompt import CONTEXT_TOKENS, Prompts
from vital_shared.llm.providers import Providers
from vital_shared.llm.routing.deployment import DeploymentObserver, RoutedModel
from vital_shared.llm.routing.rate_limits import RateLimitBook
from vital_shared.llm.routing.router import Router
from vital_shared.llm.wires.relay import RelayingProvider
from vital_shared.logs import get_logger

__all__ = ["ModelRegistry"]

logger = get_logger(__name__)

LOCAL: Final = "local"
"""Models on this machine; those that are installed are given."""

MAX_CACHED_MODELS: Final = 256
"""Models that are kept once they were asked for; their names come from users."""

_NOTHING_SET: Final = ModelTable()


class ModelRegistry:
    """The models of an engine, by name.

    :param models: each name once; the last one answers where the one that was asked fails.
    :param providers: those behind ``provider:model``; None: there are none.
    :param configuration: the settings of single models.
    :param count: counts the tokens of prompts.
    :param bound: counts the tokens that a text has at most.
    :param default: the model of agents that leave it at the last one; empty: that is their model.
    :param price: returns nano-dollars of a typical call, for routes to the cheapest deployment.
    :param guardrails: the checks of what models are sent and return; None: those of an empty table.
    :raises ConfigurationError: when there is no model, or two have one name.
    """

    def __init__(
        self,
        models: Sequence[Model],
        *,
        providers: Providers | None = None,
        configuration: Configuration | None = None,
        count: Count = estimate_tokens,
        bound: Count = at_most,
        default: str = "",
        price: Callable[[str], int | None] | None = None,
        guardrails: Guardrails | None = None,
    ) -> None:
        if not models:
            raise ConfigurationError("There is no model: give at least one.")
        self._given: dict[str, Model] = {}
        for model in models:
            if model.name in self._given:
                raise ConfigurationError(f'Two models are called "{model.name}": rename one of them.')
            self._given[model.name] = model
        self._guardrails = guardrails or Guardrails(GuardrailTable())
        is_checked = self._guardrails.is_active  # these note what they let pass
        self._guarded = {
            name: GuardedModel(self._checked(model), notes_prompt=not is_checked)
            for name, model in self._given.items()
        }
        self.last = self._guarded[models[-1].name]
        """The end of every chain."""
        self._default = default
        self.providers = providers
        """The models behind ``provider:model``, where there are any."""
        self._is_loaded = False
        self._configuration = configuration or Configuration()
        self._count = count
        self._bound = bound
        self._asked: OrderedDict[str, GuardedModel] = OrderedDict()
        self._limits = RateLimitBook() if providers is None else providers.rate_limits
        self._router = Router(self._limits, price or _no_price)

    async def load(self) -> None:
        """Load what asks and prices the providers' models, once, and off the event loop."""
        if self.providers is not None and not self._is_loaded:
            await asyncio.to_thread(self.providers.load)
            self._is_loaded = True

    def chosen(self, agents_model: str) -> str:
        """Return the name of the model that answers for an agent with this one in its profile."""
        return self._default if self._default and agents_model == self.last.name else agents_model

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models that were given, in their order."""
        return tuple(self._given)

    def chain(self, name: str) -> tuple[GuardedModel, ...]:
        """Find the models that answer for a name, in the order in which they are asked: one, or a route's.

        :raises NotFound: when there is none, saying what is missing.
        """
        route = self._configuration.routes.get(name)
        return (self.get(name),) if route is None else tuple(self._along(name, route))

    def hedge_after_seconds(self, route: str) -> float | None:
        """Return the time after which the next deployment of a route is asked too; None: never."""
        found = self._configuration.routes.get(route)
        return None if found is None else found.hedge_after_seconds

    @property
    def routes(self) -> tuple[str, ...]:
        """The names of the routes."""
        return tuple(self._configuration.routes)

    @property
    def configured(self) -> tuple[str, ...]:
        """The names of the models behind providers that the configuration has a table for."""
        return tuple(self._configuration.models)

    def get(self, name: str) -> GuardedModel:
        """Find a model; nothing is connected yet. Of a route, it is the deployment to ask now.

        :raises NotFound: saying which there are, or what is missing.
        """
        if name in self._configuration.routes:
            return self.chain(name)[0]
        model = self._guarded.get(name) or self._asked.get(name)
        if model is None:
            model = self._asked[name] = GuardedModel(self._behind_provider(name))
            if len(self._asked) > MAX_CACHED_MODELS:
                self._asked.popitem(last=False)
        return model

    def provider_of(self, name: str) -> tuple[RelayingProvider, str]:
        """Return the provider that carries a model's calls, and its own name of the model.

        :raises NotFound: when there is none whose protocol we speak.
        """
        provider_name, colon, model = name.partition(":")
        found = None
        if colon and model and self.providers is not None and provider_name != LOCAL:
            found = self.providers.get(provider_name, name)
        if not _is_relaying(found):
            raise NotFound(
                f'There is no model "{name[:200]}" behind a provider: name one as provider:model.',
                field="model",
            )
        return found, model

    def table(self, name: str) -> ModelTable:
        """Return what is configured for a model."""
        return self._configuration.models.get(name, _NOTHING_SET)

    async def aclose(self) -> None:
        """Close the connections to the providers."""
        if self.providers is not None:
            await self.providers.aclose()

    def _along(self, first: str, route: RouteTable) -> Sequence[GuardedModel]:
        """Return the deployments of a route, and those of its fallbacks; each once."""
        found: dict[str, GuardedModel] = {}
        missing: list[InvalidRequest] = []
        ahead, seen = [(first, route)], {first}
        while ahead:
            name, route = ahead.pop(0)
            for deployment in self._router.order(route):
                self._add(found, missing, deployment, route_name=name)
            for fallback in route.fallbacks:
                nested = self._configuration.routes.get(fallback)
                if nested is None:
                    self._add(found, missing, fallback, route_name=name)
                elif fallback not in seen:
                    seen.add(fallback)
                    ahead.append((fallback, nested))
        if not found:
            raise missing[0]
        self._limits.add_peers(found)
        return tuple(found.values())

    def _add(
        self, found: dict[str, GuardedModel], missing: list[InvalidRequest], name: str, *, route_name: str
    ) -> None:
        """Add a model; one that cannot be asked is left out and logged."""
        try:
            model = self.get(name)
        except InvalidRequest as error:
            missing.append(error)
            logger.warning("deployment_skipped", route=route_name, model=name, reason=str(error))
            return
        observer = DeploymentObserver(name, self._router.load(name))
        found.setdefault(model.name, RoutedModel(model, observer))

    def _checked(self, model: Model) -> Model:
        """Put a model behind the guardrails, where there are any."""
        return GuardrailModel(model, self._guardrails) if self._guardrails.is_active else model

    def _behind_provider(self, name: str) -> PromptedModel:
        provider_name, colon, model = name.partition(":")
        if provider_name == LOCAL:
            raise NotFound(
                f'The model "{name}" is not installed: run `vital models install {model}`, with the extra '
                "vital-engine[local].",
                field="model",
            )
        if not (colon and model) or self.providers is None:
            raise NotFound(
                f'There is no model "{name}"; the models are: {", ".join(self._given)}, '
                "and those of providers, named provider:model.",
                field="model",
            )
        provider = self.providers.get(provider_name, name)
        table = self.table(name)
        return PromptedModel(
            name,
            guarded_chat(partial(provider.stream, model), name, self._guardrails),
            prompts=Prompts(self._count, table.context_tokens or CONTEXT_TOKENS, bound=self._bound),
            calls_tools=table.calls_tools,
            max_output_tokens=table.max_output_tokens,
            temperature=table.temperature,
            options=table.options,
            server=provider.server,
        )


def _no_price(_name: str) -> int | None:
    return None


def _is_relaying(provider: object) -> TypeGuard[RelayingProvider]:
    """Return whether a provider can be asked in its own protocol.

    Each relayed call asks; `isinstance` with a protocol would take tens of microseconds.
    """
    return hasattr(provider, "relay")
