"""The decision which tool calls of a run are made at once, after the user's approval, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from vital_shared.errors import InvalidRequest
from vital_shared.models.agent import AgentProfile
from vital_shared.models.answer import ToolPlan
from vital_shared.models.tool import ToolCall, ToolRequest, ToolResult
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.tools.registry import ToolRegistry

__all__ = ["TOO_DEAR", "check_requests", "denied_result", "denied_results", "plan_tools", "within_limit"]

TOO_DEAR: Final = "it would have cost more than max_cost_dollars allows"


def check_requests(requests: Sequence[ToolRequest], agent: AgentProfile, tools: ToolRegistry) -> None:
    """Check the tools that an input asks for, before anything runs.

    :raises InvalidRequest: when there is no such tool, the agent may not use it, or its arguments do not fit.
    """
    for request in requests:
        tools.get(request.name)
        if not _may(agent, request.name):
            raise InvalidRequest(
                f'The agent "{agent.id}" may not use the tool "{request.name}": '
                "use another agent, or leave the tool out.",
                field="requested_tools",
            )
        if request.arguments is not None:
            tools.validate(request.name, request.arguments)


def plan_tools(  # one value from each of the nodes that know something about tools
    *,
    mode: WorkflowMode,
    agent: AgentProfile,
    requests: Sequence[ToolRequest],
    suggestions: Sequence[ToolCall],
    question: str,
    tools: ToolRegistry,
    max_cost_dollars: Decimal | None,
) -> ToolPlan:
    """Sort the calls.

    What the input requests is approved; in manual modes what is suggested needs the user.
    """
    approved = [_requested(number, request, question, tools) for number, request in enumerate(requests, 1)]
    asked = {(call.name, str(call.arguments)) for call in approved}
    suggested: list[ToolCall] = []
    for call in suggestions:
        if not _may(agent, call.name) or (call.name, str(call.arguments)) in asked:
            continue
        waits = mode.is_manual and call.requires_approval
        (suggested if waits else approved).append(call)
    kept, refused = within_limit(max_cost_dollars, approved)
    return ToolPlan(approved=kept, suggested=tuple(suggested), refused=refused)


def _may(agent: AgentProfile, tool: str) -> bool:
    return agent.tools is None or tool in agent.tools


def _requested(number: int, request: ToolRequest, question: str, tools: ToolRegistry) -> ToolCall:
    tool = tools.get(request.name)
    arguments: dict[str, Any] = request.arguments or {}
    if request.arguments is None:
        # What takes a query and finds none of its own in the question is given the whole of it.
        whole = {"query": question} if "query" in tool.arguments.model_fields else {}
        arguments = dict(tool.from_query(question) or whole)
    return ToolCall(
        id=f"requested-{number}",
        name=tool.name,
        arguments=arguments,
        reason="The request asks for it.",
        cost_dollars=tool.cost_dollars,
        requires_approval=False,
    )


def within_limit(
    limit: Decimal | None, calls: Sequence[ToolCall]
) -> tuple[tuple[ToolCall, ...], tuple[ToolCall, ...]]:
    """Keep the calls, in order, that together cost no more than the limit; return those left out, too."""
    if limit is None:
        return tuple(calls), ()
    kept: list[ToolCall] = []
    refused: list[ToolCall] = []
    spent = Decimal(0)
    for call in calls:
        if spent + call.cost_dollars > limit:
            refused.append(call)
        else:
            spent += call.cost_dollars
            kept.append(call)
    return tuple(kept), tuple(refused)


def denied_results(plan: ToolPlan, made: Sequence[ToolCall]) -> tuple[ToolResult, ...]:
    """Return a result for each call that was not made, with the reason."""
    ids, denials = {call.id for call in made}, {denial.id: denial.reason for denial in plan.denials}
    reasons = [
        (call, denials.get(call.id, "the user did not approve it"))
        for call in plan.suggested
        if call.id not in ids
    ]
    reasons += [(call, TOO_DEAR) for call in plan.refused]
    return tuple(denied_result(call, reason) for call, reason in reasons)


def denied_result(call: ToolCall, reason: str) -> ToolResult:
    """Return the result of a call that is not made."""
    return ToolResult(id=call.id, name=call.name, arguments=call.arguments, status="denied", error=reason)
