"""Continue a durable run from its data in the store: its worker has died, or it is back in its queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from vital_shared.errors import StoreError
from vital_shared.events.log import StaleWriter
from vital_shared.graph import Checkpoint, owner_of, resumption_point
from vital_shared.logs import get_logger
from vital_shared.models.event import RunFailedEvent
from vital_shared.models.usage_limits import UsageBound
from vital_shared.store.orphan_runs import TakenRun
from vital_shared.store.run_record import REPEATABLE_FAILURES, RunRecord
from vital_shared.workflows.events import RunEvents
from vital_shared.workflows.execution import RESUMED_AT, SPAN_NAME, Execution
from vital_shared.workflows.interrupted import GIVEN_UP, EarlierEffects
from vital_shared.workflows.last_pause import last_pause
from vital_shared.workflows.preparing import agent_of, name_labels, name_tenant, new_run, resumable
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_metrics import RunMetrics
from vital_shared.workflows.standing_events import restore_standing, supersede_end
from vital_shared.workflows.stored_node import stored_nodes
from vital_shared.workflows.streamed_end import StreamedEnd
from vital_shared.workflows.workflow_parts import WorkflowParts

__all__ = ["begin_again", "take_over"]

logger = get_logger(__name__)


async def begin_again(
    workflow: WorkflowParts, record: RunRecord, max_use: Callable[[], UsageBound]
) -> RunHandle:
    """Take a durable run out of the queue that it had come back to, and compute what is missing.

    :param record: its record, with its next deadline.
    :param max_use: the maximum usage of the whole run.
    :raises AlreadyBegun: when it no longer waits.
    :raises LimitExceeded: when the limits do not allow it; it waits on.
    :raises StoreError: when the store does not answer, or the run is not restored; this worker may have it.
    """
    services, runs = workflow.services, workflow.services.runs
    plan = workflow.plan
    if record.plan not in (plan.fingerprint, plan.earlier_fingerprint):
        record = await runs.start_over(record, plan.fingerprint)
    await services.lease.hold()
    await runs.start(record, max_use, now=services.now())
    async with runs.strays.taking(record.id):
        taken = await runs.taken(record)
        try:
            return await take_over(workflow, taken, was_queued=True)
        except (StoreError, StaleWriter):
            raise
        except Exception as error:
            logger.exception("queued_run_not_restored", run_id=record.id)
            raise StoreError(f"The run {record.id} could not be restored from the store") from error


async def take_over(workflow: WorkflowParts, taken: TakenRun, *, was_queued: bool = False) -> RunHandle:
    """Go on with a run that this worker has taken over: compute what is missing, or store the end it had.

    :param was_queued: whether it comes from its queue, so that a fault of the engine's own was not its end.
    :raises PlanChanged: when the run's input does not fit the workflow any more.
    :raises StoreError: when the store does not answer.
    """
    services, now = workflow.services, workflow.services.now()
    record = resumable(workflow, taken.record)
    written = dict(record.checkpoint or {})
    earlier_span = written.pop(SPAN_NAME, None)
    resumed_at = written.pop(RESUMED_AT, None)
    given_up = frozenset(written.pop(GIVEN_UP, ()))
    before = Checkpoint.model_validate(written) if written else None
    stored = list(stored_nodes(record.id, taken.finished))
    checkpoint = resumption_point(
        workflow.plan,
        before,
        (each.node for each in stored),
        _seconds(record, before, resumed_at, now),
    )
    log = await services.logs.restore(
        record.id,
        record.tenant_id,
        epoch=record.epoch,
        age_seconds=(now - _began(record, resumed_at)).total_seconds(),
        silent_seconds=taken.late_seconds + services.settings.lease_seconds,
        pause=last_pause(record, record.epoch - 1),
    )
    paid = await services.runs.charges(record.id)
    entered = {charge.item for charge in paid}
    carried = tuple(charge for charge in taken.calls.charges if charge.item not in entered)
    end = log.outcome
    if was_queued and isinstance(end, RunFailedEvent) and end.error_type in REPEATABLE_FAILURES:
        supersede_end(log)
    elif end is not None:
        return StreamedEnd(services, log, record, workflow.name, paid=paid, carried=carried)
    kept = {
        node.name
        for node in workflow.plan.nodes
        if node.makes in checkpoint.values or node.name in checkpoint.absent
    }
    # The parts of a node that has finished are in its value; the version before leaves them there.
    stored = [each for each in stored if not each.node.key or owner_of(each.node.name) not in kept]
    parts = {each.node.name: each.node for each in stored if each.node.key}
    stands = kept | parts.keys()
    spans = [span for each in stored if each.node.name in stands for span in each.node.spans]
    tools = {result.id for each in stored if each.node.key for result in each.tool_results}
    stream = RunEvents(log, standing=restore_standing(log, workflow.plan, stands, spans, tools))
    run = new_run(workflow, record.input, stream, checkpoint, parts=parts)
    calls = record.output.model_calls if record.output else ()
    agent = agent_of(workflow, run)
    await name_tenant(workflow, record.input)
    await name_labels(workflow, record.input, agent)
    return Execution(
        workflow,
        record.input,
        stream,
        run,
        None,
        UsageBound,  # nothing more: it was reserved when the run began
        RunMetrics(record.id, record.input, services.request_counts, workflow.traits, workflow.name),
        services.runs.fence(record),
        is_durable=True,
        earlier_span=earlier_span,
        paid=paid,
        calls=(*calls, *(call for each in stored for call in each.calls if call not in calls)),
        carried=carried,
        effects=EarlierEffects(taken.calls.effects, given_up),
        tool_results=tuple(
            (owner_of(each.node.name), result) for each in stored for result in each.tool_results
        ),
    )


def _seconds(record: RunRecord, before: Checkpoint | None, resumed_at: str | None, now: datetime) -> float:
    """Return how long a run has taken by now, without waits for a person; the time since the death counts."""
    earlier = before.seconds if before else 0.0
    return earlier + max(0.0, (now - _began(record, resumed_at)).total_seconds())


def _began(record: RunRecord, resumed_at: str | None) -> datetime:
    return record.created_at if resumed_at is None else datetime.fromisoformat(resumed_at)
