"""Resume a run that waits: with answers to its nodes, and a decision on its tool calls."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.background import ACCEPTED_ANSWER, PREFERENCE
from ai_engine.api.body import read_model
from ai_engine.api.operation import DEADLINE, EVENTS, Content, Operation, Operations, parameter
from ai_engine.api.run_requests import resume_once
from ai_engine.api.runs import answer_with, stored_run
from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from ai_engine.idempotency_key import HEADER, key_for
from vital_shared.errors import Conflict, RunExpired
from vital_shared.models.base import Frozen
from vital_shared.models.lone_surrogate import Whole
from vital_shared.models.workflow_io import Id, WorkflowOutput
from vital_shared.workflows.decision import Decision

__all__ = ["OPERATIONS", "ResumeRequest", "routes"]

MAX_CALLS: Final = 100
"""Tool calls that one request may name."""


class ResumeRequest(Frozen):
    """A decision on everything that a paused run waits for."""

    answers: Whole[dict[str, Any]] = Field(default_factory=dict, examples=[{"verdict": "yes"}])
    """Values of paused nodes, by the name in ``required_input``; each fits its ``answer_schema``."""

    approved: tuple[str, ...] | Literal["all"] | None = Field(default=None, examples=[["call-1"]])
    """Ids of the suggested tool calls to make, or ``all`` that are not denied."""

    edited: Whole[dict[str, dict[str, Any]]] = Field(
        default_factory=dict, max_length=MAX_CALLS, examples=[{"call-2": {"expression": "6 * 7"}}]
    )
    """Other arguments for suggested calls, by id: these calls are approved with them."""

    denied: Whole[dict[str, str]] = Field(
        default_factory=dict, max_length=MAX_CALLS, examples=[{"call-3": "We have this number."}]
    )
    """Reasons of calls that are denied, by id; calls that are not named at all are denied without one."""

    user_id: Id | None = None
    """The person who decides; stored with the run."""

    def decision(self, key_id: str | None) -> Decision:
        """Return the decision, with the API key that it came with."""
        return Decision(self.approved, self.edited, self.denied, self.answers, self.user_id, key_id)


async def resume(request: Request) -> Response:
    """Go on with a run that waits."""
    engine = engine_of(request)
    asked = await read_model(request, ResumeRequest, engine.settings.max_body_bytes)
    await engine.hub.paused(request.path_params["run_id"])
    record = await stored_run(request)
    key = key_for(request, record.tenant_id, asked.model_dump_json())
    decision = asked.decision(Caller.of(request).key_id)
    try:
        run, after = await resume_once(request, engine, record, decision, key)
    except RunExpired as error:
        raise Conflict(error.message, field=error.field) from error
    return await answer_with(request, run, after=after)


routes = (Route("/v1/runs/{run_id}/resume", resume, methods=["POST"]),)

EVENT: Final[Content] = {"$ref": "#/components/schemas/RunEvent"}

EXAMPLES: Final[dict[str, Any]] = {
    "answer": {
        "summary": "The answer to a node of your own workflow",
        "value": {"answers": {"verdict": "yes"}},
    },
    "calls": {
        "summary": "One call as it is, one with other arguments, one denied with the reason",
        "value": {
            "approved": ["call-1"],
            "edited": {"call-2": {"expression": "6 * 7"}},
            "denied": {"call-3": "We have this number."},
            "user_id": "ann",
        },
    },
}

OPERATIONS: Final[Operations] = {
    ("post", "/v1/runs/{run_id}/resume"): Operation(
        summary="Resume a run",
        description="Continues a run that waits for input or approval, and answers like Ask. "
        "An incomplete or invalid decision is refused, and the run keeps waiting.",
        parameters=(
            parameter("header", HEADER, "Repeating the same body returns the same run."),
            PREFERENCE,
            DEADLINE,
        ),
        body=ResumeRequest,
        examples=EXAMPLES,
        success="The answer, or with `awaiting_approval` what the run waits for next.",
        answers={"application/json": WorkflowOutput, EVENTS: EVENT},
        others=ACCEPTED_ANSWER,
        problems=(400, 402, 404, 409, 413, 415, 422, 500, 502, 503, 504),
    ),
}
