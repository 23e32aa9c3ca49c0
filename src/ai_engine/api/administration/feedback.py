"""Feedback on runs."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request

from ai_engine.api.body import read_model
from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from vital_shared.models.feedback import Feedback, FeedbackInput, FeedbackList
from vital_shared.monitoring.metrics import FEEDBACK_TOTAL
from vital_shared.store.feedback import FeedbackStore

__all__ = ["router"]

router = APIRouter(prefix="/v1/runs/{run_id}/feedback", tags=["runs"])

BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/FeedbackInput"},
                "examples": {
                    "thumb": {
                        "summary": "A bad answer",
                        "value": {"kind": "boolean", "value": False, "comment": "It misses class III."},
                    },
                    "score": {
                        "summary": "A score of one aspect",
                        "value": {"kind": "number", "name": "tone", "value": 0.8},
                    },
                    "correction": {
                        "summary": "The answer as it should have been",
                        "value": {"kind": "correction", "value": "The review takes 90 days."},
                    },
                },
            }
        },
    }
}


@router.post("", summary="Give feedback", openapi_extra=BODY)
async def give_feedback(request: Request, run_id: str) -> Feedback:
    """Rate a run of the tenant.

    There is one rating for each user, kind and name: a later one replaces it.
    """
    engine = engine_of(request)
    given = await read_model(request, FeedbackInput, engine.settings.max_body_bytes)
    given = given.model_copy(update={"user_id": Caller.of(request).user(given.user_id)})
    stored, mode, is_first = await FeedbackStore(engine.services.database).give(
        run_id, given, tenant_id=Caller.of(request).tenant_id, now=engine.services.now()
    )
    if is_first:
        FEEDBACK_TOTAL.labels(mode.value, given.kind, given.rating).inc()
    return stored


@router.get("", summary="List feedback")
async def list_feedback(request: Request, run_id: str) -> FeedbackList:
    """List the feedback on a run of the tenant's, the oldest first."""
    store = FeedbackStore(engine_of(request).services.database)
    return FeedbackList(feedback=await store.list(run_id, tenant_id=Caller.of(request).tenant_id))
