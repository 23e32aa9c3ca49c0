"""Runs: start one, read it, follow it, approve its tool calls, cancel it."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

from pydantic import Field, SerializeAsAny
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.accept import prefers_stream
from ai_engine.api.background import accept, accepted
from ai_engine.api.body import parse_model, read_json, read_model
from ai_engine.api.misdirected import with_its_route
from ai_engine.api.prefer import prefers_async
from ai_engine.api.run_nodes import RunNode, run_nodes
from ai_engine.api.run_requests import answer, begin, follow, output_of, resume, until_begun, until_ended
from ai_engine.api.run_trace import trace_of, trace_url
from ai_engine.api.streams import HEADERS, MEDIA_TYPE, EventStreamResponse, last_event_id
from ai_engine.auth.caller import Caller
from ai_engine.engine import Engine, engine_of
from ai_engine.runs.hub import LiveRun
from ai_engine.runs.last_event import last_frames
from ai_engine.runs.run_reader import following_run
from ai_engine.served_workflows import ServedWorkflow
from ai_engine.validation import InvalidFields
from vital_shared.errors import Conflict, InvalidRequest, NotFound, RunUnderWay
from vital_shared.events.log import PeerLog
from vital_shared.models.base import Frozen
from vital_shared.models.cancellation import CANCELLED
from vital_shared.models.event import Outcome, RunFailedEvent, RunFinished
from vital_shared.models.run_decision import RunDecision
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.store.runs import RunRecord, RunStatus
from vital_shared.store.webhook_deliveries import WebhookDelivery
from vital_shared.workflows.decision import Decision
from vital_shared.workflows.run_line import log_ended
from vital_shared.workflows.run_metrics import count_ended

__all__ = ["Approval", "RunError", "RunView", "answer_with", "ask", "routes", "stored_run"]

NEW_LOG_SECONDS: Final = 0.5
"""The longest wait for the log of a run that another process has just begun, or ended."""

RECENT_END: Final = timedelta(seconds=5)
"""The age of a run's end up to which its log may not have reached the other processes yet."""

NEXT_OWNER_SECONDS: Final = 15.0
"""The longest wait for a worker to take over a run that is to be cancelled."""

NEXT_OWNER_LOOK_SECONDS: Final = 0.25

NO_CONTENT = 204
"""An EventSource that gets it does not connect again."""


class _BetweenOwners(Exception):
    """No worker has a durable run at this moment."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id


class Approval(Frozen):
    """The approved ones of the suggested tool calls."""

    approved: tuple[str, ...] | Literal["all"] = Field(default=(), examples=[["call-1"]])
    """Ids of calls, or ``all``; none denies them all."""


class RunError(Frozen):
    """The reason why a run has no answer."""

    type: str
    message: str
    node: str | None


class RunView(Frozen):
    """A run as it is stored."""

    id: str
    workflow: str
    """The name in /v1/workflows; where it is not served any longer, the place of its class."""

    status: RunStatus
    tenant_id: str
    user_id: str
    input: SerializeAsAny[WorkflowInput]
    output: WorkflowOutput | None
    """The answer, or what the run waits for."""

    decisions: tuple[RunDecision, ...]
    """The decisions that were made while it waited, the oldest first."""

    error: RunError | None
    created_at: datetime
    deadline_at: datetime
    """Until when it runs, or waits."""

    finished_at: datetime | None

    nodes: tuple[RunNode, ...] = ()
    """Its nodes that have ended, in the order of their starts; also those of a run without an answer."""

    trace_id: str | None = None
    """The id of the trace of its last part, in hexadecimal; None: it was not traced, or works."""

    trace_url: str | None = None
    """The address under which people see that trace; None: where traces are kept is not configured."""

    webhooks: tuple[WebhookDelivery, ...] = ()
    """The webhooks that it sends at its end, and what has become of them."""


async def create(request: Request) -> Response:
    """Begin a run, and answer with its end or its events."""
    return await ask(request, engine_of(request).workflows.default)


async def ask(request: Request, served: ServedWorkflow) -> Response:
    """Begin a run of a workflow, and answer with its end or its events."""
    engine = engine_of(request)
    try:
        question = await _question(request, served.input_type, engine.settings.max_body_bytes)
    except InvalidFields as error:
        raise with_its_route(error, served, engine.workflows) from error
    try:
        if prefers_async(request) and engine.background.is_available:
            return await accept(request, served, question)
        if not prefers_stream(request.headers.get("accept", "")):
            output = await answer(request, engine, served.workflow, question)
            return Response(output.model_dump_json(), media_type="application/json")
        run = await begin(request, engine, served.workflow, question)
    except NotFound as error:  # what is not there was named by the body, not by the path
        raise InvalidRequest(error.message, field=error.field) from error
    return await answer_with(request, run, after=0)


async def show(request: Request) -> Response:
    """Show a run."""
    record = await stored_run(request)
    engine = engine_of(request)
    decisions = await engine.services.runs.decisions(record.id)
    webhooks = await engine.webhooks.of(record.id)
    view = await _view(engine, record, decisions, webhooks)
    return Response(view.model_dump_json(), media_type="application/json")


async def approve(request: Request) -> Response:
    """Go on with a run that waits for approval."""
    engine, run_id = engine_of(request), request.path_params["run_id"]
    approval = await read_model(request, Approval, engine.settings.max_body_bytes)
    await engine.hub.paused(run_id)
    record = await stored_run(request)
    decision = Decision(approval.approved, key_id=Caller.of(request).key_id)
    run, after = await resume(request, engine, record, decision)
    return await answer_with(request, run, after=after)


async def events(request: Request) -> Response:
    """Follow a run, from any point, whichever process has it, or will have it."""
    after = last_event_id(request)
    source = await _source(request, after)
    if source is None:
        record = await stored_run(request)
        return await _last_known(request, record, after) or _follow(request, record.id, after)
    tail = b""
    if source.state == "paused":
        record = await stored_run(request)
        if record.status != "awaiting_approval":  # cancelled, expired, or its worker is gone
            tail = await last_frames(engine_of(request).services.logs, record, source.last_seq) or b""
    if not source.has_after(after):
        if tail:
            return Response(tail, media_type=MEDIA_TYPE, headers=HEADERS)
        return Response(status_code=NO_CONTENT)
    return _follow(request, source.run_id, after, source, tail)


def _follow(
    request: Request, run_id: str, after: int, source: LiveRun | PeerLog | None = None, tail: bytes = b""
) -> Response:
    engine = engine_of(request)
    return EventStreamResponse(
        partial(following_run, engine, run_id, after, source),
        run_id=run_id,
        tenant_id=Caller.of(request).tenant_id,
        heartbeat_seconds=engine.settings.heartbeat_seconds,
        tail=tail,
    )


async def _source(request: Request, after: int) -> LiveRun | PeerLog | None:
    """Find the events after one: here, or in another process that has gone on after a pause."""
    run = _live(request)
    if run is not None and not run.is_paused and run.log.first_seq <= after + 1:
        return run
    peer_log = await _peer_log(request)
    if peer_log is None:
        return run
    if run is not None and run.last_seq >= peer_log.last_seq and run.log.first_seq <= after + 1:
        return run
    return peer_log


async def _peer_log(request: Request) -> PeerLog | None:
    """Find the run in another process, if it is the caller's."""
    logs, run_id = engine_of(request).services.logs, request.path_params["run_id"]
    log = await logs.find_peer_log(run_id)
    if log is None and _is_recent(await stored_run(request), engine_of(request).services.now()):
        log = await logs.find_peer_log(run_id, NEW_LOG_SECONDS)
    return log if log is not None and Caller.of(request).may_see(log.tenant_id) else None


def _is_recent(record: RunRecord, now: datetime) -> bool:
    """Return whether a run goes on, or has ended so lately that its log may still be on its way."""
    return record.finished_at is None or now - record.finished_at < RECENT_END


async def cancel(request: Request) -> Response:
    """Cancel a run, and wait until it has ended; one that is between owners is cancelled at its next one."""
    due = time.monotonic() + NEXT_OWNER_SECONDS
    while True:
        try:
            return await _cancel(request)
        except _BetweenOwners as error:
            if time.monotonic() > due:
                raise _in_another_process(error.run_id) from error
            await asyncio.sleep(NEXT_OWNER_LOOK_SECONDS)


async def _cancel(request: Request) -> Response:
    """Cancel a run where it is.

    :raises _BetweenOwners: when it is durable, and no worker has it at this moment.
    """
    engine = engine_of(request)
    run = _live(request)
    if run is not None and not run.ended.is_set():
        run.cancel()
        await run.ended.wait()
        if isinstance(run.log.outcome, RunFailedEvent) and run.log.outcome.error_type in CANCELLED:
            return Response(status_code=NO_CONTENT)
    elif run is None or run.is_paused:
        peer_log = await _peer_log(request)
        is_live = peer_log is not None and peer_log.state == "live"
        if peer_log is not None and is_live and await engine.services.logs.cancel_at_peer(peer_log):
            return Response(status_code=NO_CONTENT)
    if run is not None and not run.is_paused:  # an answer from the cache is no run in the store
        raise _has_ended(run.run_id, _status(run.log.outcome))
    record = await stored_run(request)
    services = engine.services
    ended = await services.runs.cancel_waiting(record.id, tenant_id=record.tenant_id, now=services.now())
    if ended is not None:
        longest_seconds = services.settings.run_timeout_seconds
        count_ended(ended, services.request_counts, longest_seconds=longest_seconds)
        log_ended(ended)
        return Response(status_code=NO_CONTENT)
    record = await stored_run(request)
    if record.status == "running":
        if await engine.background.cancel_at_peer(record.id):
            return Response(status_code=NO_CONTENT)
        raise _BetweenOwners(record.id) if record.is_durable else _in_another_process(record.id)
    raise _has_ended(record.id, record.status)


async def one(request: Request) -> Response:
    """Show or cancel a run; one route, so that the answer to a wrong method lists all the right ones."""
    return await (cancel if request.method == "DELETE" else show)(request)


async def _question(request: Request, model: type[WorkflowInput], limit: int) -> WorkflowInput:
    """Read the question; the tenant of a key takes the place of the one that the body names.

    :param model: the input of the workflow.
    :raises InvalidRequest: when the body names another tenant than the header.
    """
    caller = Caller.of(request)
    body, given = await read_json(request, limit)
    if isinstance(given, dict) and caller.tenant_id is not None:
        named = given.setdefault("tenant_id", caller.tenant_id)
        given["tenant_id"] = caller.tenant_id if caller.has_own_tenant else named
        if caller.user_id is not None:
            given["user_id"] = caller.user_id
        body = to_json(given)
    question = parse_model(model, body)
    caller.check(question.tenant_id)
    return question


def _live(request: Request) -> LiveRun | None:
    """Find the run in this process, if it is the caller's."""
    run = engine_of(request).hub.find(request.path_params["run_id"])
    return run if run is not None and Caller.of(request).may_see(run.tenant_id) else None


async def stored_run(request: Request) -> RunRecord:
    """Read the run from the store, if it is the caller's.

    :raises NotFound: when it is not.
    """
    services = engine_of(request).services
    return await services.runs.get(
        request.path_params["run_id"], tenant_id=Caller.of(request).tenant_id, now=services.now()
    )


async def answer_with(request: Request, run: LiveRun, *, after: int) -> Response:
    """Answer with the events of a run, or with its end."""
    await until_begun(request, run)
    if prefers_async(request):
        run.is_awaited = True
        run.log.give_up_place()
        return accepted(run.run_id)
    if prefers_stream(request.headers.get("accept", "")):
        return follow(engine_of(request), run, after=after)
    ended = await until_ended(request, engine_of(request), run)
    return Response(output_of(ended).model_dump_json(), media_type="application/json")


async def _last_known(request: Request, record: RunRecord, after: int) -> Response | None:
    """Return what is left of a run that no worker has; None: it has not ended, or more may be found."""
    frames = await last_frames(engine_of(request).services.logs, record, after, gives_up=False)
    if frames is None:
        return None
    if not frames:
        return Response(status_code=NO_CONTENT)
    return Response(frames, media_type=MEDIA_TYPE, headers=HEADERS)


def _status(outcome: Outcome | None) -> str:
    """Return the status of an ended run, in the store's words."""
    if isinstance(outcome, RunFinished):
        return "completed"
    is_cancelled = isinstance(outcome, RunFailedEvent) and outcome.error_type in CANCELLED
    return "cancelled" if is_cancelled else "failed"


def _has_ended(run_id: str, status: str) -> Conflict:
    return Conflict(
        f"The run {run_id} has ended, so it cannot be cancelled: its status is {status}.", field="run_id"
    )


def _in_another_process(run_id: str) -> RunUnderWay:
    return RunUnderWay(
        f"The run {run_id} was started by another process of the engine, which cannot be reached now, or by "
        "one that has ended: try again in a moment; GET /v1/runs/{id} returns its status.",
        field="run_id",
    )


async def _view(
    engine: Engine,
    record: RunRecord,
    decisions: tuple[RunDecision, ...],
    webhooks: tuple[WebhookDelivery, ...],
) -> RunView:
    error, trace_id = None, trace_of(record)
    if record.error_type is not None:
        error = RunError(type=record.error_type, message=record.error_message or "", node=record.error_node)
    return RunView(
        id=record.id,
        workflow=engine.workflows.shown(record.workflow),
        status=record.status,
        tenant_id=record.tenant_id,
        user_id=record.user_id,
        input=record.input,
        output=record.output,
        decisions=decisions,
        error=error,
        created_at=record.created_at,
        deadline_at=record.deadline_at,
        finished_at=record.finished_at,
        nodes=run_nodes(record, engine.workflows.stored_as(record.workflow)),
        trace_id=trace_id,
        trace_url=None if trace_id is None else await trace_url(engine, trace_id),
        webhooks=webhooks,
    )


routes = (
    Route("/v1/runs", create, methods=["POST"]),
    Route("/v1/runs/{run_id}", one, methods=["GET", "DELETE"]),
    Route("/v1/runs/{run_id}/events", events, methods=["GET"]),
    Route("/v1/runs/{run_id}/approval", approve, methods=["POST"]),
)
