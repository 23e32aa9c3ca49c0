"""The workflow of a call that is passed on: one node, which asks a model in the client's own words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import ClassVar, NamedTuple

from ai_engine.gateway.embedded_models import EmbeddedModels, is_embedded
from ai_engine.gateway.exchange import Exchange
from ai_engine.gateway.held_attempt import HeldAttempt
from ai_engine.gateway.model_names import AskedModel
from vital_shared import Answer, Workflow, WorkflowInput, node
from vital_shared.errors import ConfigurationError, InvalidRequest, VitalError
from vital_shared.graph import Node
from vital_shared.llm.base import Model, ModelError, ModelRequest, ModelUnavailable
from vital_shared.llm.chain import Chain
from vital_shared.llm.relayed import RelayedModel
from vital_shared.llm.wires.relay import RESPONSES, RelayingProvider
from vital_shared.logs import get_logger
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.monitoring.metrics import RESERVATIONS_EXCEEDED_TOTAL
from vital_shared.workflows.model_selection import check_prices
from vital_shared.workflows.self_llm.current_run import CurrentRun, current_run, node_of_run
from vital_shared.workflows.self_llm.node_budget import LlmBudget
from vital_shared.workflows.services import Services

__all__ = ["RelayedCall", "RelayedCallInput"]

logger = get_logger(__name__)


class RelayedCallInput(WorkflowInput):
    """The stored part of a call, with nothing of its prompt."""


class RelayedCall(Workflow[RelayedCallInput]):
    """A call of a model, in the words of its client.

    :param exchange: the client's request, and the way of the answer.
    :param models: the models that may answer, in their order; those that cannot carry the request are left
        out.
    :param hedge_after_seconds: ask the next model too after this time without an answer; None: never.
    :param prefers_responses: whether providers that offer it are asked as OpenAI's Responses API is.
    :raises InvalidRequest: when none of the models can carry the request.
    """

    cacheable: ClassVar[bool] = False
    modes: ClassVar[frozenset[WorkflowMode]] = frozenset({WorkflowMode.MODE_2})

    def __init__(
        self,
        services: Services,
        exchange: Exchange,
        models: Sequence[AskedModel],
        hedge_after_seconds: float | None = None,
        *,
        prefers_responses: bool = False,
    ) -> None:
        super().__init__(services)
        fitting = _fitting(models, services, exchange, prefers_responses=prefers_responses)
        self._hedge_after = hedge_after_seconds if len(fitting) > 1 else None
        self._attempts = {each.name: HeldAttempt(exchange) for each in fitting} if self._hedge_after else {}
        self._exchange = exchange
        self.models = [each.name for each in fitting]
        """The names of the models that may answer."""
        self._models = [
            _relayed(each, services, exchange, self._attempts.get(each.name, exchange)) for each in fitting
        ]

    @node
    async def answer(self, query: str) -> Answer:  # noqa: ARG002 - a node has an input
        """Pass the call on; nothing of its text is kept with the run."""
        exchange = self._exchange
        try:
            model = await self._pass_on()
            exchange.end()
        except ModelError as error:
            exchange.channel.error = error
            self._break_off(error)
            raise
        except VitalError as error:
            exchange.channel.error = error
            self._break_off(None)
            raise
        except BaseException:  # cancelled, or out of time
            self._break_off(None)
            raise
        finally:
            exchange.channel.close()
        return Answer(text="", model=model)

    def _break_off(self, error: ModelError | None) -> None:
        """Pass on that the answer does not go on, where a part of it was: its client would take it for whole.

        :param error: the model's own; None: the run ends for a reason of its own.
        """
        if self._exchange.channel.has_begun:
            message = "The call was ended before its answer was whole: it was cancelled, or took too long."
            self._exchange.break_off(error or ModelUnavailable(message, model=self.models[0], kind="cut"))

    async def _pass_on(self) -> str:
        """Return the name of the model that has answered."""
        run, asking = current_run.get(), node_of_run()
        if run is None or asking is None:
            raise ConfigurationError("A model call is passed on by the node of a run.")
        if run.services.settings.unpriced == "refuse":
            check_prices(self._models, run.services.account)
        budget = _Budget(run, asking, self._exchange)
        request = ModelRequest(
            question="", task="own", is_relayed=True, max_output_tokens=self._exchange.size.max_output_tokens
        )
        with run.open_calls.opened(asking.name):
            try:
                models = await budget.models(self._models, request)
                return await self._ask(run, asking, models, request)
            finally:
                budget.release()

    async def _ask(
        self, run: CurrentRun, asking: Node, models: Sequence[Model], request: ModelRequest
    ) -> str:
        services, channel = run.services, self._exchange.channel
        chain = Chain(
            models,
            services.breakers.of_tenant(run.context.request.tenant_id),
            services.account,
            self._hedge_after,
            services.hedges,
            has_last_resort=False,
        )
        async with aclosing(chain.stream(request)) as events:
            async for _ in events:
                if chain.answered is not None and (attempt := self._attempts.get(chain.answered.name)):
                    attempt.choose()
                if self._exchange.is_streamed:  # otherwise the client reads nothing before the end
                    await channel.room()
        if chain.errors:
            run.graph_run.degrade(asking, "llm_fallback", chain.errors[0])
        return chain.answered.name if chain.answered else ""


class _Budget(LlmBudget):
    """The money of a call whose prompt is the client's own."""

    def __init__(self, run: CurrentRun, asking: Node, exchange: Exchange) -> None:
        super().__init__(run, asking, exchange.size.max_output_tokens)
        self._run = run
        self._size = exchange.size
        run.context.may_exceed_alone = (
            False  # its one call has a bound, and is refused where that does not fit
        )

    async def _count(self, request: ModelRequest) -> int:  # noqa: ARG002 - the prompt is not in it
        return self._size.max_input_tokens

    def _nanos(self, model: Model, tokens: int, output: int) -> int | None:
        """Return the most that a call costs: the client chooses kinds of tokens and terms, not the engine."""
        terms, hosted = self._size.asked_terms, self._size.max_hosted
        return self._run.services.account.max_nanos(model.name, tokens, output, terms, hosted)

    def release(self) -> None:
        """Let go of what is held, and report a call that cost more: searches, or a price of its own."""
        spent = self._context.account_nanos(self._account)
        if 0 < self._held < spent:
            RESERVATIONS_EXCEEDED_TOTAL.labels().inc()
            logger.warning(
                "reservation_exceeded",
                run_id=self._context.run_id,
                models=[charge.name for charge in self._context.charges],
                reserved_nanos=self._held,
                charged_nanos=spent,
            )
        super().release()


def _provider_of(name: str, services: Services) -> tuple[RelayingProvider, str]:
    if is_embedded(name) and services.embedder is not None:
        return EmbeddedModels(services.embedder), name.partition(":")[2]
    return services.models.provider_of(name)


class _FittingModel(NamedTuple):
    """A model whose provider can carry a request."""

    asked: AskedModel
    provider: RelayingProvider
    model: str
    """The provider's own name of the model."""
    protocol: str

    @property
    def name(self) -> str:
        return self.asked.name


def _fitting(
    models: Sequence[AskedModel], services: Services, exchange: Exchange, *, prefers_responses: bool
) -> list[_FittingModel]:
    """Return the models that can carry a request: a fallback that cannot is no reason to refuse it.

    :raises InvalidRequest: the first model's refusal, when all refuse.
    """
    fitting: list[_FittingModel] = []
    refusals: list[InvalidRequest] = []
    for asked in models:
        provider, model = _provider_of(asked.name, services)
        protocol = RESPONSES if prefers_responses and provider.offers_responses else provider.protocol
        try:
            exchange.check(protocol)
        except InvalidRequest as refusal:
            refusals.append(refusal)
        else:
            fitting.append(_FittingModel(asked, provider, model, protocol))
    if not fitting:
        raise refusals[0]
    return fitting


def _relayed(
    fitting: _FittingModel, services: Services, exchange: Exchange, attempt: Exchange | HeldAttempt
) -> RelayedModel:
    return RelayedModel(
        fitting.name,
        fitting.provider,
        fitting.model,
        write=attempt.request,
        take=attempt.take,
        input_tokens=exchange.size.input_tokens,
        operation=exchange.operation,
        protocol=fitting.protocol,
        observer=fitting.asked.observer,
        guardrails=services.guardrails,
    )
