"""The inputs from outside that a run waits for, tool calls to approve aside."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from vital_shared.graph import Node, ObservedRun, Plan, PlanError, json_value
from vital_shared.models.required_input import RequiredInput
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.workflows.interrupted import decision_schema

__all__ = ["APPROVAL", "TOOL_PLAN", "check_approvals", "is_approval", "required_input", "required_inputs"]

APPROVAL: Final = "approved_tools"
"""The value of the node that waits for the approval of tool calls, which are approved by their ids."""


TOOL_PLAN: Final = "tool_plan"
"""The value that has the calls which need approval."""


def is_approval(plan: Plan, name: str) -> bool:
    """Return whether a value is the approval of tool calls; an own graph may use the name otherwise."""
    return name == APPROVAL and TOOL_PLAN in plan.slots


def check_approvals(plan: Plan, modes: Collection[WorkflowMode]) -> None:
    """See at the definition of a class that none of its parts waits for the approval of tool calls.

    :param modes: the modes that the class serves.
    :raises PlanError: when one may.
    """
    if not any(mode.is_manual for mode in modes):
        return
    for node in plan.nodes:
        part = ".".join(node.path)
        if node.path and node.method == APPROVAL and f"{part}.{TOOL_PLAN}" in plan.slots:
            raise PlanError(
                f"sub-workflow '{plan.name}.{part}' waits for the approval of tool calls in modes 1 and 3, "
                "which no part can: write modes = frozenset({WorkflowMode.MODE_2, WorkflowMode.MODE_4})"
            )


def required_inputs(run: ObservedRun) -> tuple[RequiredInput, ...]:
    """Return the values that the paused nodes of a run need."""
    return tuple(
        required_input(run, node, run.paused[node.makes])
        for node in run.plan.nodes
        if node.makes in run.paused and not is_approval(run.plan, node.makes)
    )


def required_input(run: ObservedRun, node: Node, question: Any) -> RequiredInput:
    """Return the value that a paused node needs, or the decision on one with effects that was cut off.

    :param question: the value that it has paused with.
    """
    if node.makes in run.interrupted:
        schema = decision_schema(run.plan, node.makes)
    else:
        schema = run.plan.types.answer_schema(node.makes)
    return RequiredInput(
        name=node.makes,
        node=node.name,
        value=json_value(node.name, "pauses with", question),
        answer_schema=schema,
    )
