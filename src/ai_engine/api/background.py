"""Background runs: accept a run, and list the queued ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.model_access import check_model
from ai_engine.api.operation import Operation, Operations, parameter
from ai_engine.api.prefer import APPLIED, PREFER
from ai_engine.auth.caller import Caller
from ai_engine.engine import Engine, engine_of
from ai_engine.idempotency_key import key_of
from ai_engine.served_workflows import ServedWorkflow
from ai_engine.webhooks.destination import HEADER as WEBHOOK_URL
from ai_engine.webhooks.destination import check_destination
from vital_shared.errors import KeyTaken
from vital_shared.models.base import Frozen
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.store.background_runs import QueuedRun

__all__ = [
    "ACCEPTED_ANSWER",
    "OPERATIONS",
    "PREFERENCE",
    "WEBHOOK",
    "AcceptedRun",
    "accept",
    "accepted",
    "routes",
]

ACCEPTED: Final = 202

MAX_LISTED: Final = 1_000
"""Queued runs that one answer lists, the oldest ones."""


class AcceptedRun(Frozen):
    """A run in the background."""

    run_id: str = Field(examples=["run_3f0c0d6a4e4b5f1a9d6c2b7e8f901234"])
    status: Literal["accepted"] = "accepted"


class QueuedRunView(Frozen):
    """A run that waits in the queue."""

    run_id: str
    tenant_id: str
    workflow: str | None
    """Its name here; None where this engine does not serve it."""

    queued_at: datetime
    attempt: int
    """1, and one more for each time that it begins anew, since its worker died or was stopped."""


class QueueView(Frozen):
    """The runs that wait in the background."""

    waiting: int
    oldest_wait_seconds: float | None
    """None: none waits."""

    runs: tuple[QueuedRunView, ...]
    """The oldest ones, at most 1,000."""


async def accept(request: Request, served: ServedWorkflow, question: WorkflowInput) -> Response:
    """Queue a run, and answer with where it is; the same Idempotency-Key gets the same run."""
    engine = engine_of(request)
    question = Caller.of(request).in_own_name(question)
    await check_model(engine.services, Caller.of(request), question)
    url = request.headers.get(WEBHOOK_URL)
    webhook = None if url is None else check_destination(url, engine.settings)
    try:
        run_id = await engine.background.begin(
            served.workflow, question, key=key_of(request, question), webhook=webhook
        )
    except KeyTaken as taken:
        run_id = taken.run_id
    return accepted(run_id)


def accepted(run_id: str) -> Response:
    """Answer that a run goes on in the background."""
    headers = {"Location": f"/v1/runs/{run_id}", **APPLIED}
    body = AcceptedRun(run_id=run_id).model_dump_json()
    return Response(body, status_code=ACCEPTED, headers=headers, media_type="application/json")


async def queue(request: Request) -> Response:
    """List the runs that wait: the tenant's own, or all for an administrator of all tenants."""
    engine, tenant_id = engine_of(request), Caller.of(request).tenant_id
    store = engine.background.store
    waiting = await store.list_queued(tenant_id=tenant_id, limit=MAX_LISTED)
    depths = (await store.depths(tenant_id=tenant_id)).values()
    oldest = min((depth.oldest for depth in depths), default=None)
    view = QueueView(
        waiting=sum(depth.runs for depth in depths),
        oldest_wait_seconds=None if oldest is None else _seconds(engine, oldest),
        runs=tuple(_view(engine, run) for run in waiting),
    )
    return Response(view.model_dump_json(), media_type="application/json")


def _seconds(engine: Engine, since: datetime) -> float:
    return max(0.0, (engine.services.now() - since).total_seconds())


def _view(engine: Engine, run: QueuedRun) -> QueuedRunView:
    served = engine.workflows.stored_as(run.workflow)
    return QueuedRunView(
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        workflow=None if served is None else served.name,
        queued_at=run.queued_at,
        attempt=run.attempt,
    )


PREFERENCE: Final = parameter(
    "header",
    PREFER,
    "`respond-async` lets the run go on in the background, whether it is read or not. `wait=10` alone is "
    "a deadline in seconds.",
)

WEBHOOK: Final = parameter(
    "header", WEBHOOK_URL, "With `respond-async`: the URL to call at the run's end (Standard Webhooks)."
)

ACCEPTED_ANSWER: Final[dict[str, Any]] = {
    "202": {
        "description": "The run continues in the background, if the request prefers that.",
        "headers": {
            "Location": {"description": "Where the run is.", "schema": {"type": "string"}},
            "Preference-Applied": {"description": "`respond-async`.", "schema": {"type": "string"}},
        },
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AcceptedRun"}}},
    }
}
"""The answer of the routes that begin, or resume, a run."""

routes = (Route("/v1/queue", queue, methods=["GET"]),)

OPERATIONS: Final[Operations] = {
    ("get", "/v1/queue"): Operation(
        summary="List queued runs",
        description="The runs that wait in the background, oldest first.",
        success="The queue.",
        answers={"application/json": QueueView},
        problems=(503,),
    ),
}
