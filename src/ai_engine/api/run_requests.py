"""Start a run for a client, and wait for its end as one of its readers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from starlette.requests import Request

from ai_engine.api.model_access import check_model
from ai_engine.api.streams import EventStreamResponse, FrameWriter, until_disconnected
from ai_engine.auth.caller import Caller
from ai_engine.engine import Engine
from ai_engine.idempotency_key import key_of
from ai_engine.request_deadline import deadline_of
from ai_engine.runs.fair_slots import EngineBusy, Gone
from ai_engine.runs.hub import LiveRun
from ai_engine.runs.peer_run import PeerRun
from ai_engine.runs.repeated_run import repeated_run
from ai_engine.runs.run_reader import following_run
from vital_shared.deadline import due_within
from vital_shared.errors import AlreadyResumed, KeyTaken, RunCancelled, RunFailed
from vital_shared.models.cancellation import CANCELLED
from vital_shared.models.event import RunFinished, RunPaused
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.monitoring.workflow_label import workflow_label
from vital_shared.store.idempotency import IdempotencyKey
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.cached_answer import CachedAnswer
from vital_shared.workflows.decision import Decision
from vital_shared.workflows.run_errors import ended_from_outside
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_metrics import count_rejected, unstreamed
from vital_shared.workflows.workflow import Workflow
from vital_shared.workflows.workflow_parts import stored_name

__all__ = ["answer", "begin", "follow", "output_of", "resume", "resume_once", "until_begun", "until_ended"]


async def begin(
    http_request: Request,
    engine: Engine,
    workflow: Workflow[Any, Any],
    request: WorkflowInput,
    *,
    is_repeatable: bool = True,
) -> LiveRun:
    """Begin a run, at once or when it is the tenant's turn; or return the one that this request began before.

    :param is_repeatable: whether a client may send an idempotency key to get the same run again.
    :raises EngineBusy: when there are too many.
    :raises ClientDisconnect: when the client went while it waited.
    :raises Forbidden: when the key may not name the model.
    :raises InvalidRequest: when it asks for what is not there.
    """
    request = Caller.of(http_request).in_own_name(request)
    await check_model(engine.services, Caller.of(http_request), request)
    key = key_of(http_request, request) if is_repeatable else None
    if key is not None:
        return await _begin_once(http_request, engine, workflow, request, key)
    return await _start(http_request, engine, workflow, request)


async def _start(
    http_request: Request,
    engine: Engine,
    workflow: Workflow[Any, Any],
    request: WorkflowInput,
    key: IdempotencyKey | None = None,
) -> LiveRun:
    deadline = deadline_of(http_request)
    # A client with a key is expected back: its run goes on, and only the wait for it ends.
    with _counting(engine, workflow, request), due_within(deadline if key is None else None):
        return await engine.hub.start(
            lambda: workflow.begin(request, key),
            tenant_id=request.tenant_id,
            gone=_gone(http_request),
            deadline=deadline,
        )


async def _begin_once(
    http_request: Request,
    engine: Engine,
    workflow: Workflow[Any, Any],
    request: WorkflowInput,
    key: IdempotencyKey,
) -> LiveRun:
    """Begin a run, unless its key has begun one that counts: then the client gets that one.

    :raises RunUnderWay: when that one cannot be followed from here.
    """
    while True:
        run_id = await engine.idempotency.find(key, now=engine.services.now())
        if run_id is None:
            run = await _start(http_request, engine, workflow, request, key)
            run.is_awaited = True
            if not run.has_begun:
                await _as_reader(http_request, run, run.begun())
            if not isinstance(run.error, KeyTaken):
                return run
            run_id = run.error.run_id
        repeated = await repeated_run(engine, run_id, request.tenant_id)
        if repeated is not None:
            return repeated


async def answer(
    http_request: Request, engine: Engine, workflow: Workflow[Any, Any], request: WorkflowInput
) -> WorkflowOutput:
    """Ask, and wait for the answer; where the cache has it, there is no run and nobody to follow it.

    Raises what `begin` does.

    :raises RunFailed: when there is no answer.
    """
    with unstreamed():
        return await _answer(http_request, engine, workflow, Caller.of(http_request).in_own_name(request))


async def _answer(
    http_request: Request, engine: Engine, workflow: Workflow[Any, Any], request: WorkflowInput
) -> WorkflowOutput:
    if key_of(http_request, request) is not None:
        return await _end_of(http_request, engine, await begin(http_request, engine, workflow, request))
    await check_model(engine.services, Caller.of(http_request), request)
    answers: list[WorkflowOutput] = []

    async def begin_or_answer() -> RunHandle | None:
        begun = await workflow.begin(request)
        if not isinstance(begun, CachedAnswer):
            return begun
        answers.append(await begun.answer())
        return None

    deadline = deadline_of(http_request)
    with _counting(engine, workflow, request), due_within(deadline):
        run = await engine.hub.try_start(
            begin_or_answer, tenant_id=request.tenant_id, gone=_gone(http_request), deadline=deadline
        )
    return answers[0] if run is None else await _end_of(http_request, engine, run)


async def _end_of(http_request: Request, engine: Engine, run: LiveRun) -> WorkflowOutput:
    return output_of(await until_ended(http_request, engine, run))


async def resume_once(
    http_request: Request, engine: Engine, record: RunRecord, decision: Decision, key: IdempotencyKey | None
) -> tuple[LiveRun, int]:
    """Go on with a run that waits, unless its key has resumed it: then the client gets what came of it.

    Raises what `resume` does.
    """
    if key is None:
        return await resume(http_request, engine, record, decision)
    async with engine.hub.resumption(record.id):
        if await engine.idempotency.find(key, now=engine.services.now()) is None:
            try:
                run, after = await resume(http_request, engine, record, decision, key)
            except (AlreadyResumed, KeyTaken):  # perhaps by the same request, at this moment
                if await engine.idempotency.find(key, now=engine.services.now()) is None:
                    raise
            else:
                run.is_awaited = True
                return run, after
    return await _resumed_before(engine, record)


async def _resumed_before(engine: Engine, record: RunRecord) -> tuple[LiveRun, int]:
    """Return a run that was resumed, to follow from there, or from its first event where it is not here.

    :raises Conflict: when the resumption was lost by a fault of the engine's own.
    """
    here = engine.hub.find(record.id)
    if here is not None and not here.is_paused:
        return here, here.pause_seq
    pause = 0 if record.status == "completed" else record.last_seq
    repeated = await repeated_run(engine, record.id, record.tenant_id, after=pause)
    if repeated is None:
        raise AlreadyResumed(f"The run {record.id} was resumed, and has failed: ask again", field="run_id")
    return repeated, repeated.log.first_seq - 1


async def resume(
    http_request: Request,
    engine: Engine,
    record: RunRecord,
    decision: Decision,
    key: IdempotencyKey | None = None,
) -> tuple[LiveRun, int]:
    """Go on with a run that waits; returns it, and the number of the last event before.

    Raises what `Workflow.begin_resumed` does.

    :raises Conflict: when its workflow is not served any longer.
    :raises EngineBusy: when there are too many.
    :raises ClientDisconnect: when the client went while it waited.
    """
    workflow = engine.workflows.of(record).workflow
    decision = replace(decision, user_id=Caller.of(http_request).user(decision.user_id))
    deadline = deadline_of(http_request)
    with due_within(deadline if key is None else None):
        run = await engine.hub.start(
            lambda: workflow.begin_resumed(record.id, decision, tenant_id=record.tenant_id, key=key),
            tenant_id=record.tenant_id,
            gone=_gone(http_request),
            deadline=deadline,
        )
    return run, record.last_seq


def _gone(http_request: Request) -> Gone:
    return partial(until_disconnected, http_request.receive)


@contextmanager
def _counting(engine: Engine, workflow: Workflow[Any, Any], request: WorkflowInput) -> Iterator[None]:
    try:
        yield
    except EngineBusy:
        count_rejected(request, engine.services.request_counts, workflow_label(stored_name(type(workflow))))
        raise


def follow(
    engine: Engine, run: LiveRun, *, after: int = 0, write: FrameWriter | None = None
) -> EventStreamResponse:
    """Answer with the events of a run after one, as they come; see `EventStreamResponse`."""
    return EventStreamResponse(
        partial(following_run, engine, run.run_id, after, run),
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        heartbeat_seconds=engine.settings.heartbeat_seconds,
        write=write,
    )


async def until_begun(http_request: Request, run: LiveRun) -> None:
    """Wait for a run's first event, as its reader as long as the client is there.

    Raises why there is none.
    """
    if not run.has_begun:
        await _as_reader(http_request, run, run.begun())
    if run.error is not None:
        raise run.error


async def until_ended(http_request: Request, engine: Engine, run: LiveRun) -> LiveRun:
    """Wait for a run's end, as its reader as long as the client is there.

    Only the end is read: its log need not keep the events before.

    :returns: the run; where another worker has gone on with it, as it was followed there.
    """
    run.log.give_up_place()
    if not run.ended.is_set():
        await _as_reader(http_request, run, run.concluded())
    if run.goes_on_at_peer and not engine.hub.stopping:
        moved = engine.hub.follow(PeerRun(engine, run.run_id, run.last_seq), run.tenant_id)
        return await until_ended(http_request, engine, moved)
    return run


async def _as_reader(http_request: Request, run: LiveRun, waiting: Awaitable[object]) -> None:
    """Wait as a reader, from now on as long as the client is there.

    Between a run's start and its reader, and between one wait and the next, nothing else gets its turn. So a
    run whose client is there has a reader, however slow this process is.
    """
    with ExitStack() as reading:
        reading.enter_context(run.reading())

        async def leave_with_client() -> None:
            await until_disconnected(http_request.receive)
            reading.close()

        async with asyncio.TaskGroup() as tasks:
            leaving = tasks.create_task(leave_with_client())
            await waiting
            leaving.cancel()


def output_of(run: LiveRun) -> WorkflowOutput:
    """Return what has come of a run that has ended.

    :raises RunFailed: when there is no answer.
    """
    end = run.log.outcome
    if isinstance(end, RunFinished | RunPaused):
        return end.output
    if run.error is not None:
        raise run.error
    if end is None:
        raise ended_from_outside(run.run_id, "shutting_down")
    kind = RunCancelled if end.error_type in CANCELLED else RunFailed
    raise kind(end.message, run_id=run.run_id, node=end.node, error_type=end.error_type)
