"""The tool calls of a model while it answers: the rules for making them, and for stopping."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Final

from vital_shared.llm.base import ModelToolCall, ToolDefinition
from vital_shared.models.agent import AgentProfile
from vital_shared.models.money import nanos_at_most
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.tools.base import Tool, ToolContext
from vital_shared.tools.registry import ToolRegistry
from vital_shared.tools.results import ResultBudget

__all__ = ["ToolLoop", "allowed"]

MAX_CONCURRENT_CALLS: Final = 8
"""Calls in one turn of the model; further ones are refused."""


def allowed(tools: ToolRegistry, agent: AgentProfile) -> tuple[Tool, ...]:
    """Return the tools that the agent may use."""
    return tuple(tool for tool in tools if agent.tools is None or tool.name in agent.tools)


class ToolLoop:
    """The tool calls of a model, limited to the agent's tools and the user's approvals.

    In manual modes, a model may make the calls that were approved, with the same arguments (their results
    already exist), and calls that need no approval; any other call ends the loop.

    In automatic modes nobody approves, and the model has already read documents, which may contain
    instructions. A tool that requires approval and does more than read may therefore only be called if the
    agent's own list names it, or if it was already called for the question before any document was read.

    :param tools: all tools of the engine.
    :param agent: the agent, whose tools the model may use; None: the model may use none.
    :param context: the run and the tenant for which the tools are called.
    :param manual: whether the user approves calls.
    :param known: the earlier calls of this run, whose results are reused.
    :param hold: a function that reserves an amount of nano-dollars for the next calls, or raises.
    """

    def __init__(
        self,
        tools: ToolRegistry,
        agent: AgentProfile | None,
        context: ToolContext,
        *,
        manual: bool,
        known: Sequence[ToolResult],
        hold: Callable[[int], Awaitable[None]],
    ) -> None:
        self._tools = tools
        self._context = context
        self._manual = manual
        self._hold = hold
        self._results = {_key(result.name, result.arguments): result for result in known}
        self._budget = ResultBudget(known)
        self._offered = {} if agent is None else self._offers(agent)
        self.made: list[ToolResult] = []
        """The results of the calls that this loop has made, in order."""
        self._taken = 0
        self.denied: list[ToolResult] = []
        """The calls that it has not made."""
        self._untold: set[str] = set()
        self.ended: str | None = None
        """The reason why the model may call no more, in words for the user; None: it may."""

    @property
    def definitions(self) -> tuple[ToolDefinition, ...]:
        """The tools that the model gets to know of."""
        return tuple(tool.definition for tool in self._offered.values())

    @property
    def cost_dollars(self) -> Decimal:
        """The cost of this loop's calls."""
        return sum((result.cost_dollars for result in self.made), Decimal(0))

    def end(self, why: str) -> None:
        """Let the model make no more calls; the first reason stays."""
        self.ended = self.ended or why

    def plan(self, asked: Sequence[ModelToolCall], dollars: Decimal | None) -> tuple[ToolCall, ...]:
        """Return the calls that are to be made now; what is refused, or was made before, is not among them.

        :param dollars: the limit of their cost together; None: there is none.
        """
        planned: dict[str, ToolCall] = {}
        for call in asked:
            key = _call_key(call)
            if key in self._results or key in planned:
                continue
            if call.problem is not None:
                self._failed(call, key)
                continue
            refusal = self._refusal(call) or self._too_much(call, planned, dollars)
            if refusal is not None:
                result = ToolResult(
                    id=call.id, name=call.name, arguments=call.arguments, status="denied", error=refusal
                )
                self._results[key] = result
                self.denied.append(result)
                continue
            planned[key] = ToolCall(
                id=f"loop-{len(self.made) + len(planned) + 1}",
                name=call.name,
                arguments=call.arguments,
                reason="The model asks for it.",
                cost_dollars=self._offered[call.name].cost_dollars,
                requires_approval=False,
            )
        return tuple(planned.values())

    async def hold(self, calls: Sequence[ToolCall]) -> None:
        """Hold the price of the planned calls, at once after `plan`.

        :raises BudgetExceeded: when the tenant's budget does not allow it.
        """
        await self._hold(sum(nanos_at_most(call.cost_dollars) for call in calls))

    async def make(self, calls: Sequence[ToolCall]) -> tuple[ToolResult, ...]:
        """Make the planned calls at the same time."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._tools.run(call, self._context)) for call in calls]
        results = tuple(self._budget.take(task.result()) for task in tasks)
        for result in results:
            key = _key(result.name, result.arguments)
            self._results[key] = result
            self._untold.add(key)
        self.made += results
        return results

    def take_made(self) -> tuple[ToolResult, ...]:
        """Return the results that were not taken yet."""
        new = tuple(self.made[self._taken :])
        self._taken = len(self.made)
        return new

    def results(self, asked: Sequence[ModelToolCall]) -> tuple[ToolResult, ...]:
        """Return a result for each call of the model's, under the model's own ids."""
        given = []
        for call in asked:
            key = _call_key(call)
            result = self._results[key]
            # What was given before is numbered already, and is not numbered again.
            passages = result.passages if key in self._untold else ()
            self._untold.discard(key)
            given.append(result.model_copy(update={"id": call.id, "passages": passages}))
        return tuple(given)

    def _failed(self, call: ModelToolCall, key: str) -> None:
        """Note that a call cannot be made; the model may ask again, with better arguments."""
        error = f"The call was not made: {call.problem}."
        result = ToolResult(id=call.id, name=call.name, arguments={}, status="failed", error=error)
        self._results[key] = result
        self.denied.append(result)

    def _offers(self, agent: AgentProfile) -> dict[str, Tool]:
        listed = agent.tools is not None
        tools = allowed(self._tools, agent)
        return {tool.name: tool for tool in tools if self._may_offer(tool, listed=listed)}

    def _may_offer(self, tool: Tool, *, listed: bool) -> bool:
        if not tool.requires_approval or (not self._manual and (listed or tool.read_only)):
            return True
        return any(result.name == tool.name for result in self._results.values())

    def _refusal(self, call: ModelToolCall) -> str | None:
        """Return the reason why a call is not made; a call that nobody allowed ends the loop."""
        if self.ended is not None:
            return f"no more calls are made, since {self.ended}"
        tool = self._offered.get(call.name)
        if tool is None:
            self.end(f'the model asked for the tool "{call.name}", which it may not use')
            return "this tool may not be used here"
        if self._manual and tool.requires_approval:
            self.end(f'the model asked for a call of "{call.name}" that was not approved')
            return "the user did not approve this call"
        return None

    def _too_much(
        self, call: ModelToolCall, planned: dict[str, ToolCall], dollars: Decimal | None
    ) -> str | None:
        if len(planned) >= MAX_CONCURRENT_CALLS:
            return f"no more than {MAX_CONCURRENT_CALLS} calls are made at once"
        cost = sum((each.cost_dollars for each in planned.values()), self._offered[call.name].cost_dollars)
        if dollars is not None and cost > dollars:
            self.end("the next call would have cost more than the run may")
            return "it would have cost more than the run may"
        return None


def _call_key(call: ModelToolCall) -> str:
    return _key(call.name, call.arguments) + (call.problem or "")


def _key(name: str, arguments: object) -> str:
    return f"{name} {arguments}"
