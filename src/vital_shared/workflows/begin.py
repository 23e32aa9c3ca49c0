"""Decide what answers a request: a new run, an identical run that is already running, or the cache."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from vital_shared.deadline import run_deadline
from vital_shared.errors import InvalidRequest, LimitExceeded
from vital_shared.events.memory import MemoryLog
from vital_shared.graph import Checkpoint, Run
from vital_shared.models.agent import AgentProfile
from vital_shared.models.cache_reason import CacheReason
from vital_shared.models.charge import Charge
from vital_shared.models.usage_limits import UsageBound
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.retrieval.language import load_for
from vital_shared.store.actor import current_actor
from vital_shared.store.idempotency import IdempotencyKey
from vital_shared.store.requeue import QUEUED_FOR
from vital_shared.store.runs import RunRecord, not_waiting
from vital_shared.workflows.cache_lookup import Lookup, look_up
from vital_shared.workflows.cached_answer import CachedAnswer
from vital_shared.workflows.coalesced_run import CoalescedRun
from vital_shared.workflows.decision import Decision
from vital_shared.workflows.estimate import declared_dollars, max_cost
from vital_shared.workflows.events import RunEvents
from vital_shared.workflows.execution import RESUMED_AT, SPAN_NAME, Execution
from vital_shared.workflows.interrupted import GIVEN_UP, INTERRUPTED, EarlierEffects
from vital_shared.workflows.last_pause import last_pause
from vital_shared.workflows.lost_fields import lost_fields
from vital_shared.workflows.preparing import (
    RestoredRun,
    agent_of,
    check_input,
    max_remaining_cost,
    name_labels,
    name_tenant,
    new_run,
    restored_run,
    resumable,
)
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_metrics import RunMetrics, count_refused
from vital_shared.workflows.services import Services
from vital_shared.workflows.stored_node import stored_nodes
from vital_shared.workflows.taking_over import begin_again
from vital_shared.workflows.workflow_parts import WorkflowParts

__all__ = ["begin", "begin_queued", "queued_record", "resume"]


async def begin(
    workflow: WorkflowParts, request: WorkflowInput, key: IdempotencyKey | None = None
) -> RunHandle:
    """Check a new request, and look whether the cache has its answer; nothing is stored or run yet.

    :param key: the key of the client's request; with one there is always a run, which a repetition finds.
    :raises InvalidRequest: when it asks for what is not there, naming the field.
    """
    run_id = new_run_id()
    metrics = RunMetrics(run_id, request, workflow.services.request_counts, workflow.traits, workflow.name)
    with metrics.beginning():
        await _load(workflow, request)
        await name_tenant(workflow, request)
        agent = await check_input(workflow, request)
        await name_labels(workflow, request, agent)
        barrier: CacheReason | None = None if key is None else "idempotency_key"
        lookup = await look_up(workflow, request, agent, barrier=barrier)
    metrics.cache_status = lookup.status
    log = workflow.services.logs.open(run_id, request.tenant_id, is_durable=_is_durable(workflow))
    if lookup.found is not None:
        return CachedAnswer(workflow.services, log, request, lookup.found, lookup.reason, metrics)
    request = _with_session(request)
    key_id = _key_id()

    def run(stream: RunEvents, metrics: RunMetrics) -> Execution:
        return _new_execution(workflow, request, agent, stream, metrics, lookup, key, key_id=key_id)

    if lookup.flight and key is None:
        return CoalescedRun(workflow, log, request, lookup.flight, lookup.key, run)
    return run(RunEvents(log), metrics)


async def _load(workflow: WorkflowParts, request: WorkflowInput) -> None:
    """Load what the run will need and would otherwise load on the event loop."""
    await workflow.services.models.load()
    if workflow.traits.has_agent:
        await load_for(request.query)


def new_run_id() -> str:
    """Make the id of a run."""
    return f"run_{secrets.token_hex(16)}"


async def queued_record(
    workflow: WorkflowParts, request: WorkflowInput, run_id: str | None = None
) -> RunRecord:
    """Check a new request, and make the record of its run in the background; nothing is stored or run yet.

    :param run_id: the id of the run; None: a new one.
    :raises InvalidRequest: when it asks for what is not there, naming the field, or could not be stored.
    """
    services = workflow.services
    run_id = run_id or new_run_id()
    metrics = RunMetrics(run_id, request, services.request_counts, workflow.traits, workflow.name)
    with metrics.beginning():
        await check_input(workflow, request)
        _check_storable(workflow, request)
    now = services.now()
    record = _record(workflow, _with_session(request), run_id, now, _key_id())
    return record.model_copy(update={"status": "queued", "deadline_at": now + QUEUED_FOR})


def _check_storable(workflow: WorkflowParts, request: WorkflowInput) -> None:
    """See that the request is the same when it is read back.

    :raises InvalidRequest: when it would not be, naming the field.
    """
    for field in lost_fields(request, workflow.traits.caching.inputs):
        raise InvalidRequest(
            f"{field} would not be the same when it is read back, since JSON does not hold all of it: "
            "such a request cannot wait in the background.",
            field=field,
        )


async def begin_queued(workflow: WorkflowParts, record: RunRecord) -> RunHandle:
    """Prepare a run that waits in the queue; it is taken out of it when it begins to run.

    It is always a run of its own: the cache is not read. A durable one that was begun before goes on from
    what its nodes have made; it is taken out of the queue here.

    :raises InvalidRequest: when it asks for what is not there any more, or no longer waits.
    :raises LimitExceeded: when the limits do not allow one that was begun before to go on.
    """
    services = workflow.services
    record = resumable(workflow, record)
    request = record.input
    await _load(workflow, request)
    await name_tenant(workflow, request)
    agent = await check_input(workflow, request)
    await name_labels(workflow, request, agent)
    now = services.now()
    changes: dict[str, Any] = {"deadline_at": _deadline(services, now)}
    if record.is_durable and record.epoch:
        run = new_run(workflow, request, RunEvents(MemoryLog(record.id)))
        max_use = _max_use(workflow, request, agent, run)
        return await begin_again(workflow, record.model_copy(update=changes), max_use)
    changes |= {"plan": workflow.plan.fingerprint}
    if record.is_durable:
        changes |= {"checkpoint": {RESUMED_AT: now.isoformat()}}  # it has waited until now
    record = record.model_copy(update=changes)
    lookup = await look_up(workflow, request, agent, barrier="background")
    metrics = RunMetrics(record.id, request, services.request_counts, workflow.traits, workflow.name)
    metrics.cache_status = lookup.status
    stream = RunEvents(services.logs.open(record.id, request.tenant_id, is_durable=record.is_durable))
    stream.log.reopen(0, record.epoch)
    paid = await services.runs.charges(record.id) if record.epoch else ()
    return _new_execution(workflow, request, agent, stream, metrics, lookup, None, record, paid)


async def resume(
    workflow: WorkflowParts,
    run_id: str,
    decision: Decision,
    tenant_id: str | None,
    key: IdempotencyKey | None = None,
) -> Execution:
    """Take a paused run, so that no other process can.

    :param key: the key of the client's request, stored with the decision.
    :raises InvalidRequest: when there is no such run or call, or the run cannot go on (`Conflict`).
    :raises BudgetExceeded: when the tenant's budget does not allow the rest of it; it waits on.
    :raises KeyTaken: when the key has resumed, or begun, another run.
    """
    services = workflow.services
    await services.models.load()
    record = await services.runs.get(run_id, tenant_id=tenant_id, now=services.now())
    if record.status != "awaiting_approval":
        raise not_waiting(record)
    written = dict(record.checkpoint or {})
    earlier_span = written.pop(SPAN_NAME, None)
    interrupted: tuple[str, ...] = tuple(written.pop(INTERRUPTED, ()))
    record = resumable(workflow, record)
    calls = record.output.model_calls if record.output else ()
    failures = record.output.node_failures if record.output else ()
    pause = last_pause(record, record.epoch)
    assert pause is not None  # noqa: S101 - the run waits
    log = services.logs.open(run_id, record.tenant_id, is_durable=record.is_durable)
    left = await services.logs.left(run_id, record.epoch) if log.last_seq < pause.seq else b""
    cut_off = await services.runs.finished_nodes(run_id) if interrupted else {}
    parts = {each.node.name: each.node for each in stored_nodes(run_id, cut_off)}
    checkpoint = Checkpoint.model_validate(written)
    restored = restored_run(workflow, record, log, checkpoint, decision, interrupted, parts)
    run, stream = restored.run, restored.stream
    now = services.now()
    deadline = _deadline(services, now)

    def max_use() -> UsageBound:
        agent = agent_of(workflow, run)
        return max_remaining_cost(workflow, record, run, agent, restored.calls).bound

    # All that may fail comes before the claim: a run that is claimed is at work, or nobody's.
    await name_tenant(workflow, record.input)
    await name_labels(workflow, record.input, agent_of(workflow, run))
    paid = await services.runs.charges(run_id)
    if record.is_durable:
        await services.lease.hold()
    try:
        claimed = await services.runs.claim(
            run_id,
            tenant_id=tenant_id,
            now=now,
            deadline_at=deadline,
            max_cost_nanos=max_use,
            decisions=restored.decisions,
            key=key,
            checkpoint=_resumed_checkpoint(restored, now, earlier_span) if record.is_durable else None,
        )
    except LimitExceeded as error:
        count_refused(error)
        raise
    metrics = RunMetrics(run_id, record.input, services.request_counts, workflow.traits, workflow.name)
    # Last of all: until the run is at work again, its readers find it paused.
    services.logs.reopen(log, pause, claimed.epoch, left)
    return Execution(
        workflow,
        record.input,
        stream,
        run,
        None,
        max_use,
        metrics,
        services.runs.fence(claimed),
        is_durable=claimed.is_durable,
        earlier_span=earlier_span,
        paid=paid,
        calls=calls,
        node_failures=failures,
        effects=EarlierEffects(given_up=restored.given_up),
    )


def _resumed_checkpoint(restored: RestoredRun, now: datetime, span: str | None) -> dict[str, Any]:
    """Return the checkpoint of a run that goes on, with the decision, from which another worker may go on."""
    beside: dict[str, Any] = {RESUMED_AT: now.isoformat(), GIVEN_UP: sorted(restored.given_up)}
    if span:
        beside[SPAN_NAME] = span
    return restored.run.checkpoint().model_dump(mode="json") | beside


def _new_execution(
    workflow: WorkflowParts,
    request: WorkflowInput,
    agent: AgentProfile | None,
    stream: RunEvents,
    metrics: RunMetrics,
    lookup: Lookup,
    key: IdempotencyKey | None,
    queued: RunRecord | None = None,
    paid: Sequence[Charge] = (),
    key_id: str | None = None,
) -> Execution:
    """Make the run of a request that was checked.

    :param queued: its record, where it waits in the queue.
    :param paid: the cost of earlier attempts at it.
    :param key_id: the key that it was asked for with; None: none.
    """
    services = workflow.services
    record = queued or _record(workflow, request, stream.run_id, services.now(), key_id)
    run = new_run(workflow, request, stream)
    fence = services.runs.fence(record)
    return Execution(
        workflow,
        request,
        stream,
        run,
        record,
        _max_use(workflow, request, agent, run),
        metrics,
        fence,
        is_durable=record.is_durable,
        paid=paid,
        lookup=lookup,
        key=key,
    )


def _max_use(
    workflow: WorkflowParts, request: WorkflowInput, agent: AgentProfile | None, run: Run
) -> Callable[[], UsageBound]:
    """Return a function that estimates the maximum usage of a whole run."""

    def max_use() -> UsageBound:
        declared = declared_dollars(run)
        traits = workflow.traits
        return max_cost(
            workflow.services,
            request,
            agent,
            parts=traits.built_in,
            times=traits.answers_at_most,
            declared=declared,
        ).bound

    return max_use


def _with_session(request: WorkflowInput) -> WorkflowInput:
    """Give the first request of a conversation a session."""
    if not request.mode.is_chat or request.session_id is not None or request.messages is not None:
        return request
    return request.model_copy(update={"session_id": f"session_{secrets.token_hex(16)}"})


def _is_durable(workflow: WorkflowParts) -> bool:
    return workflow.durable == "nodes"


def _key_id() -> str | None:
    """Return the key of the request that is served here; None: it has none, or is a program's own."""
    actor = current_actor()
    return actor.id if actor.kind == "key" else None


def _record(
    workflow: WorkflowParts, request: WorkflowInput, run_id: str, now: datetime, key_id: str | None
) -> RunRecord:
    return RunRecord(
        id=run_id,
        tenant_id=request.tenant_id,
        user_id=request.user_id,
        key_id=key_id,
        mode=request.mode,
        workflow=workflow.name,
        plan=workflow.plan.fingerprint,
        status="running",
        input=request,
        is_durable=_is_durable(workflow),
        created_at=now,
        deadline_at=_deadline(workflow.services, now),
    )


def _deadline(services: Services, now: datetime) -> datetime:
    """Return when a run that begins now, or goes on, is over and stored at the latest."""
    settings = services.settings
    seconds = run_deadline(settings.run_timeout_seconds).remaining_seconds
    return now + timedelta(seconds=seconds + settings.store_seconds)
