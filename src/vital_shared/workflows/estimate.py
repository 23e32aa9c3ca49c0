"""The max cost of a run, which is reserved from its tenant's budget before the run starts.

::

    max cost = suggestion + answer + tools + sources, but no more than is left of max_cost_dollars

- **A model call** costs its prompt and its longest possible answer at the model's prices. The prompt is
  priced as if it were written to the provider's cache, the most expensive case. The longest answer is the
  model's configured ``max_output_tokens``, or else `DEFAULT_MAX_OUTPUT_TOKENS`. The prompt consists of the
  rules, the agent's instructions, the question and the tools' definitions, plus as much of the passages, the
  results of requested tools and the history as fits into the model's context (see
  `vital_shared.llm.prompts.prompt`).
- **The suggestion** of tools is one call of each model that can request tools, since each call may fail and
  still be charged. It costs nothing if no tool or no such model may be used.
- **The answer** is one call of each model in the chain, for the same reason. If a model may call tools, up to
  `MAX_TOOL_ROUNDS` more calls of the most expensive model follow, each with a full context, plus the prices
  of the tools. A loop without a limit of its own ends at `DEFAULT_MAX_COST_DOLLARS`; at that moment, one call
  may be running, and one more must answer.
- **Tools** are those that the input requests, plus `MAX_SUGGESTED_CALLS` suggested ones, each at the highest
  price of the tools that the agent may use without approval. After an approval, they are the approved calls
  as edited.
- **Sources** are searched at most twice, each time at the maximum cost of a search; the search tool searches
  them once per call.
- **A node of your own class** costs at most its ``max_cost_dollars``. If it declares none, its costs are
  reserved before each call (see `vital_shared.workflows.self_llm.node_budget`).

Only the nodes of the class count: a class without the built-in ``answer`` reserves nothing for it.

Lengths are counted at two bytes per token, which overestimates all but the densest texts. A model without a
known price adds nothing, since its cost is unknown; the estimate names it. For a workflow in which no agent
answers, the estimate only includes the costs that its nodes declare.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from vital_shared.graph import Run
from vital_shared.graph.plan import MISSING
from vital_shared.llm.base import Model
from vital_shared.llm.prompts.prompt import ANSWER_TOKENS, CONTEXT_TOKENS, HISTORY_SHARE
from vital_shared.models.agent import AgentProfile
from vital_shared.models.model_call import Tokens
from vital_shared.models.money import nanos_at_most
from vital_shared.models.tool import ToolCall
from vital_shared.models.usage_limits import ModelUse, UsageBound
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.retrieval.ingest.chunk import MAX_SECTION_TOKENS, MAX_TOKENS
from vital_shared.tools.base import Tool
from vital_shared.tools.registry import MAX_RESULT_CHARACTERS
from vital_shared.workflows.answering import DEFAULT_MAX_COST_DOLLARS, MAX_TOOL_ROUNDS
from vital_shared.workflows.model_selection import DEFAULT_MAX_OUTPUT_TOKENS, remaining, resolve_models
from vital_shared.workflows.suggesting import MAX_SUGGESTED_CALLS
from vital_shared.workflows.tool_loop import MAX_CONCURRENT_CALLS, allowed

if TYPE_CHECKING:
    from vital_shared.workflows.services import Services

__all__ = ["MaxCost", "declared_dollars", "max_cost"]

BYTES_PER_TOKEN: Final = 2
RULES_TOKENS: Final = 500
"""Our own part of a prompt."""
PASSAGE_TOKENS: Final = MAX_TOKENS + MAX_SECTION_TOKENS + 100
"""A chunk with its headings, its title and the fence around it."""
SEARCHES_PER_SOURCE: Final = 2
"""A source that cannot be reached is asked twice."""
SEARCHER: Final = "document_search"
"""The tool that asks the sources, too."""
ZERO_DOLLARS: Final = Decimal(0)
PAID_PARTS: Final = frozenset(("answer", "model_suggestion", "rag_retrieval", "tools"))
"""The built-in nodes that may cost anything."""


class MaxCost(NamedTuple):
    """The max cost of a run."""

    dollars: Decimal
    unpriced: tuple[str, ...] = ()
    """Models that it may ask whose price nobody knows: they are not in it."""
    tokens: int = 0
    """The tokens that the agent's models may read and write; what other nodes ask for is not in it."""
    models: Mapping[str, ModelUse] = {}
    """The part of each of these models, at most."""

    @property
    def nanos(self) -> int:
        """The amount to reserve, in nano-dollars; 1 if the cost is unknown, so that it needs a budget."""
        return max(nanos_at_most(self.dollars), 1 if self.unpriced else 0)

    @property
    def bound(self) -> UsageBound:
        """All that the run may use."""
        return UsageBound(self.nanos, self.tokens, self.models)


def max_cost(
    services: Services,
    request: WorkflowInput,
    agent: AgentProfile | None,
    *,
    resumed: bool = False,
    spent: Decimal = ZERO_DOLLARS,
    parts: Collection[str] = PAID_PARTS,
    times: int = 1,
    declared: Decimal = ZERO_DOLLARS,
    calls: Sequence[ToolCall] | None = None,
) -> MaxCost:
    """Estimate a run.

    :param agent: the agent that answers; None: there is none in the workflow.
    :param resumed: only what comes after an approval.
    :param spent: the cost of the part before it.
    :param parts: the built-in nodes that there are.
    :param times: runs of these, at most: sub-workflows and loops may have them, too.
    :param declared: the bounds that the class's own nodes declare, together.
    :param calls: the tool calls that were approved, perhaps edited; None: any that may be suggested.
    """
    if agent is None:
        left = remaining(request.max_cost_dollars, spent)
        return MaxCost(declared if left is None else min(declared, left))
    return _Costs(services, request, agent, parts, resumed=resumed, calls=calls).total(spent, declared, times)


def declared_dollars(run: Run) -> Decimal:
    """Return the bounds of the nodes of a run that have not made their values yet, together."""
    bounds = (
        node.declaration.max_cost_dollars
        for node in run.plan.nodes
        if node.declaration.max_cost_dollars is not None and run.value(node.makes, MISSING) is MISSING
    )
    return sum(bounds, ZERO_DOLLARS)


class _Prices(NamedTuple):
    """Upper bounds of the prices of one model's calls."""

    suggestion: Decimal
    first: Decimal
    full: Decimal
    """The cost of a call with a full context."""
    suggestion_tokens: int
    first_tokens: int
    full_tokens: int


class _Costs:
    """The parts of one estimate."""

    def __init__(
        self,
        services: Services,
        request: WorkflowInput,
        agent: AgentProfile,
        parts: Collection[str],
        *,
        resumed: bool,
        calls: Sequence[ToolCall] | None,
    ) -> None:
        self._services = services
        self._request = request
        self._agent = agent
        self._parts = parts
        self._resumed = resumed
        self._calls = calls
        self._tools = allowed(services.tools, agent) if request.enable_tools else ()
        self._models = resolve_models(agent, request.model, services.models)
        self._search = sum(map(services.searches.max_price_of, services.sources), ZERO_DOLLARS)
        """The cost of asking all sources once."""
        self._unpriced: list[str] = []

    def total(self, spent: Decimal, declared: Decimal, times: int) -> MaxCost:
        """Add up the parts."""
        asks = not {"answer", "model_suggestion"}.isdisjoint(self._parts)
        prices = {model: self._prices(model) for model in self._models} if asks else {}
        dollars = ZERO_DOLLARS
        if "answer" in self._parts:
            dollars += self._answer(prices)
        if "tools" in self._parts:
            dollars += self._planned_tools()
        if not self._resumed and "model_suggestion" in self._parts:
            dollars += self._suggestion(prices)
        if not self._resumed and "rag_retrieval" in self._parts and self._request.enable_rag:
            dollars += SEARCHES_PER_SOURCE * self._search
        dollars = times * dollars + declared
        left = remaining(self._request.max_cost_dollars, spent)
        models = {model.name: self._use(model, prices[model], times, left) for model in prices}
        tokens = sum(use.tokens for use in models.values())
        capped = dollars if left is None else min(dollars, left)
        return MaxCost(capped, tuple(self._unpriced), tokens, models)

    def _use(self, model: Model, prices: _Prices, times: int, left: Decimal | None) -> ModelUse:
        """Return the most that one model of the chain may use."""
        dollars, tokens = ZERO_DOLLARS, 0
        if not self._resumed and "model_suggestion" in self._parts and self._suggests(model):
            dollars, tokens = prices.suggestion, prices.suggestion_tokens
        if "answer" in self._parts:
            rounds = MAX_TOOL_ROUNDS if self._tools and model.calls_tools else 0
            dollars += prices.first + rounds * prices.full
            tokens += prices.first_tokens + rounds * prices.full_tokens
        dollars *= times
        nanos = nanos_at_most(dollars if left is None else min(dollars, left))
        return ModelUse(max(nanos, 1 if model.name in self._unpriced else 0), times * tokens)

    def _suggests(self, model: Model) -> bool:
        return bool(self._tools) and self._models[0].calls_tools and model.calls_tools

    def _suggestion(self, prices: dict[Model, _Prices]) -> Decimal:
        if not self._tools or not self._models[0].calls_tools:
            return ZERO_DOLLARS
        return sum((prices[model].suggestion for model in prices if model.calls_tools), ZERO_DOLLARS)

    def _answer(self, prices: dict[Model, _Prices]) -> Decimal:
        first = sum((each.first for each in prices.values()), ZERO_DOLLARS)
        if not self._tools or not any(model.calls_tools for model in prices):
            return first
        full = max(each.full for model, each in prices.items() if model.calls_tools)
        tools = MAX_TOOL_ROUNDS * MAX_CONCURRENT_CALLS * max(self._price(tool) for tool in self._tools)
        return first + min(MAX_TOOL_ROUNDS * full + tools, DEFAULT_MAX_COST_DOLLARS + 2 * full)

    def _planned_tools(self) -> Decimal:
        registry = self._services.tools
        if self._calls is not None:
            known = {tool.name: tool for tool in registry}
            prices = (self._price(known[call.name]) for call in self._calls if call.name in known)
            return sum(prices, ZERO_DOLLARS)
        requested = (self._price(registry.get(each.name)) for each in self._request.requested_tools)
        waits = self._request.mode.is_manual and not self._resumed
        free_to_use = (self._price(tool) for tool in self._tools if not (waits and tool.requires_approval))
        return sum(requested, ZERO_DOLLARS) + MAX_SUGGESTED_CALLS * max(free_to_use, default=ZERO_DOLLARS)

    def _price(self, tool: Tool) -> Decimal:
        return tool.cost_dollars + (self._search if tool.name == SEARCHER else ZERO_DOLLARS)

    def _prices(self, model: Model) -> _Prices:
        price = self._services.account.price
        table = self._services.models.table(model.name)
        context = table.context_tokens or CONTEXT_TOKENS
        output = table.max_output_tokens or DEFAULT_MAX_OUTPUT_TOKENS
        room = context - (table.max_output_tokens or ANSWER_TOKENS)
        tools: Sequence[Tool] = self._tools if model.calls_tools else ()
        fixed = RULES_TOKENS + _tokens(self._agent.system_prompt) + _tokens(self._request.query)
        fixed += sum(_definition_tokens(tool) for tool in tools)
        talked = self._request.session_id or self._request.messages
        history = int(max(0, room - fixed) * HISTORY_SHARE) if talked else 0
        asked = min(max(room, fixed), fixed + self._material() + history)

        full = max(room, asked)
        counts = (fixed + history + output, asked + output, full + output)
        if price(model.name, Tokens(input=1)) is None:
            self._unpriced.append(model.name)
            return _Prices(ZERO_DOLLARS, ZERO_DOLLARS, ZERO_DOLLARS, *counts)

        def cost(tokens: int) -> Decimal:
            read = price(model.name, Tokens(input=tokens, output=output)) or ZERO_DOLLARS
            written = Tokens(input=tokens, cache_write=tokens, output=output)
            return max(read, price(model.name, written) or ZERO_DOLLARS)

        return _Prices(cost(fixed + history), cost(asked), cost(full), *counts)

    def _material(self) -> int:
        passages = self._services.settings.passages if self._request.enable_rag else 0
        results = len(self._request.requested_tools) + (MAX_SUGGESTED_CALLS if self._tools else 0)
        return passages * PASSAGE_TOKENS + results * MAX_RESULT_CHARACTERS // BYTES_PER_TOKEN


def _tokens(text: str) -> int:
    return len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 1


@lru_cache(maxsize=1_024)
def _definition_tokens(tool: Tool) -> int:
    return _tokens(tool.definition.model_dump_json())
