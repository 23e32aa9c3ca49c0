"""Preparation of a run: a checked request, names for its metrics, and the graph's run, new or restored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from vital_shared.errors import InvalidRequest, PlanChanged
from vital_shared.events.memory import MemoryLog
from vital_shared.graph import (
    NO_PARTS,
    AnswerError,
    Checkpoint,
    CheckpointError,
    FinishedNode,
    Plan,
    Run,
    own_observers,
)
from vital_shared.models.agent import AgentProfile
from vital_shared.models.answer import ToolPlan
from vital_shared.models.run_decision import RunDecision
from vital_shared.models.tool import ToolCall
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.monitoring.metrics import AGENT, MODEL, NODE, TENANT
from vital_shared.store.label_values import Named
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.approval import check_requests
from vital_shared.workflows.decision import Decision
from vital_shared.workflows.estimate import MaxCost, declared_dollars, max_cost
from vital_shared.workflows.events import RunEvents
from vital_shared.workflows.interrupted import EffectDecisions
from vital_shared.workflows.model_selection import check_prices, remaining, resolve_models
from vital_shared.workflows.required_input import APPROVAL, TOOL_PLAN, is_approval
from vital_shared.workflows.traits import AGENT_VALUE
from vital_shared.workflows.workflow_parts import WorkflowParts, same_workflow, stored_place

__all__ = [
    "RestoredRun",
    "agent_of",
    "check_input",
    "max_remaining_cost",
    "name_labels",
    "name_tenant",
    "new_run",
    "restored_run",
    "resumable",
]


async def check_input(workflow: WorkflowParts, request: WorkflowInput) -> AgentProfile | None:
    """Return the agent that is asked, once nothing of the request stands against the run.

    None: the workflow has no agent; a model that the request names has to be there all the same.

    :raises InvalidRequest: naming the field, where the workflow, the agent or a tool cannot serve it.
    """
    if request.mode not in workflow.modes:
        served = ", ".join(sorted(mode.value for mode in workflow.modes))
        raise InvalidRequest(
            f"This workflow serves mode {served}, not mode {request.mode.value}: choose another mode.",
            field="mode",
        )
    services = workflow.services
    if not workflow.traits.has_agent:
        if request.model is not None:
            services.models.get(request.model)
        return None
    agent = await services.agents.get(request.agent_id, tenant_id=request.tenant_id)
    chain = resolve_models(agent, request.model, services.models)
    if services.settings.unpriced == "refuse":
        check_prices(chain, services.account)
    check_requests(request.requested_tools, agent, services.tools)
    return agent


async def name_tenant(workflow: WorkflowParts, request: WorkflowInput) -> None:
    """Give the tenant a name in metrics, while there is room: what it asks may be turned away, and counts."""
    services = workflow.services
    await services.labels.admit(((TENANT, request.tenant_id),), now=services.now)


async def name_labels(workflow: WorkflowParts, request: WorkflowInput, agent: AgentProfile | None) -> None:
    """Give names, while there is room, to what metrics will be labelled with.

    A model that the request names has none yet, unless it is configured: it may not exist.
    """
    services = workflow.services
    models = (agent.model, *agent.fallbacks) if agent else ()
    await services.labels.admit(
        _nodes(workflow.plan),
        ((AGENT, request.agent_id), *((MODEL, model) for model in models)) if agent else (),
        now=services.now,
    )


@lru_cache(maxsize=100)
def _nodes(plan: Plan) -> tuple[Named, ...]:
    """Name the nodes of a plan; once, since this is asked for each run."""
    return tuple((NODE, name) for node in plan.nodes for name in (node.name, *node.round_names()))


def max_remaining_cost(
    workflow: WorkflowParts,
    record: RunRecord,
    run: Run,
    agent: AgentProfile | None,
    calls: Sequence[ToolCall] | None,
) -> MaxCost:
    """Estimate what comes after a pause.

    :param calls: the tool calls that are to be made, as they were decided; None: they were made before.
    """
    return max_cost(
        workflow.services,
        record.input,
        agent,
        resumed=True,
        spent=record.output.cost.total if record.output else Decimal(0),
        parts=workflow.traits.built_in,
        times=workflow.traits.answers_at_most,
        declared=declared_dollars(run),
        calls=calls,
    )


def agent_of(workflow: WorkflowParts, run: Run) -> AgentProfile | None:
    """Return the agent that a run has read; that of a sub-workflow where it has none of its own."""
    names = [node.makes for node in run.plan.nodes if node.method == AGENT_VALUE]
    found = (run.value(name) for name in names) if workflow.traits.has_agent else ()
    return next((agent for agent in found if isinstance(agent, AgentProfile)), None)


class RestoredRun(NamedTuple):
    """A paused run, with the decision on it."""

    run: Run
    stream: RunEvents
    calls: Sequence[ToolCall] | None
    """The tool calls to make; None: the run did not wait for any."""
    given_up: frozenset[str]
    """The values whose nodes with effects were cut off, and are given up."""
    decisions: tuple[RunDecision, ...]
    """The decision as it is stored."""


def resumable(workflow: WorkflowParts, record: RunRecord) -> RunRecord:
    """Return a stored run with its input as the class of the workflow's inputs.

    :raises PlanChanged: when the run belongs to another workflow, or to an older form of this one.
    """
    if not same_workflow(record.workflow, workflow.name):
        raise PlanChanged(
            f'The run {record.id} belongs to the workflow "{stored_place(record.workflow)}": '
            "resume it with that one.",
            field="run_id",
        )
    stored = record.input.model_dump_json(by_alias=False, round_trip=True)
    try:
        request = workflow.traits.input_type.model_validate_json(stored, by_alias=False, by_name=True)
    except ValidationError as error:
        wrong = ".".join(map(str, error.errors()[0]["loc"]))
        raise PlanChanged(
            f"The input of the run {record.id} no longer fits {workflow.traits.input_type.__name__} "
            f"(at {wrong or 'its start'}): start the run again.",
            field="run_id",
        ) from error
    return record.model_copy(update={"input": request})


def restored_run(
    workflow: WorkflowParts,
    record: RunRecord,
    log: MemoryLog,
    checkpoint: Checkpoint,
    decision: Decision,
    interrupted: Collection[str] = (),
    parts: Mapping[str, FinishedNode] = NO_PARTS,
) -> RestoredRun:
    """Put the user's decision into the checkpoint of a paused run.

    :param log: the log of the run.
    :param interrupted: the values whose nodes with effects were cut off.
    :param parts: the items and rounds of these that have finished.
    :raises PlanChanged: when the plan has changed since.
    :raises InvalidRequest: when an answer is missing, not asked for, or of a wrong type.
    """
    waits_for_approval = APPROVAL in checkpoint.paused and is_approval(workflow.plan, APPROVAL)
    if waits_for_approval and APPROVAL in decision.answers:
        raise InvalidRequest("Tool calls are approved by their ids: pass these as approved.", field="answers")
    services = workflow.services
    try:
        on_effects = EffectDecisions.read(interrupted, decision.answers)
        checkpoint = on_effects.settled(checkpoint)
        given, on_tools = on_effects.values | _but(decision.answers, interrupted), None
        if waits_for_approval:
            on_tools = decision.on_tools(_tool_plan(workflow, checkpoint), services.tools, _left(record))
            given[APPROVAL] = on_tools.calls
            checkpoint = checkpoint.with_value(TOOL_PLAN, on_tools.plan, workflow.plan)
        else:
            checkpoint.read(workflow.plan)
            decision.refuse_ids()
        stream = RunEvents(log)
        run = new_run(workflow, record.input, stream, checkpoint, given, parts)
    except AnswerError as error:
        place = ".".join(("answers", *map(str, error.path)))
        raise InvalidRequest(f"The run cannot continue: {error}.", field=place) from error
    except CheckpointError as error:
        raise PlanChanged(str(error), field="run_id") from error
    types = workflow.plan.types
    answers = {name: types.write(name, run.value(name)) for name in _but(decision.answers, interrupted)}
    for name in on_effects.values:
        on_effects.decided[name]["value"] = types.write(name, run.value(name))
    calls = None if on_tools is None else on_tools.calls
    decisions = decision.record(on_tools, answers | on_effects.decided, services.now())
    return RestoredRun(run, stream, calls, on_effects.given_up, decisions)


def _but(answers: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: answer for name, answer in answers.items() if name not in names}


def _tool_plan(workflow: WorkflowParts, checkpoint: Checkpoint) -> ToolPlan:
    found: ToolPlan = checkpoint.read(workflow.plan)[TOOL_PLAN]
    return found


def _left(record: RunRecord) -> Decimal | None:
    """Return the rest of the run's own limit of cost, in dollars."""
    spent = record.output.cost.total if record.output else Decimal(0)
    return remaining(record.input.max_cost_dollars, spent)


def new_run(
    workflow: WorkflowParts,
    request: WorkflowInput,
    stream: RunEvents,
    checkpoint: Checkpoint | None = None,
    answers: Mapping[str, Any] | None = None,
    parts: Mapping[str, FinishedNode] = NO_PARTS,
) -> Run:
    """Make the graph's run: from the start, or from a checkpoint and the user's answers to it.

    :param parts: the items and rounds that have finished of nodes that have not.
    """
    own = {"input": request, "run_id": stream.run_id}
    inputs = {name: own[name] if name in own else getattr(request, name) for name in workflow.plan.inputs}
    return Run(
        workflow.plan,
        workflow.target,
        inputs,
        observers=(stream, *own_observers(workflow.target)),
        deliver=stream.deliver,
        sequential=request.execution == "sequential",
        checkpoint=checkpoint,
        answers=answers,
        earlier_parts=parts,
    )
