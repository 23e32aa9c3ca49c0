"""The documentation of the routes of runs."""

from __future__ import annotations

from typing import Any, Final

from ai_engine.api.background import ACCEPTED_ANSWER, PREFERENCE, WEBHOOK
from ai_engine.api.operation import (
    ANSWERING_PROBLEMS,
    DEADLINE,
    EVENTS,
    Content,
    Operation,
    Operations,
    parameter,
)
from ai_engine.api.resumption import OPERATIONS as RESUMPTION
from ai_engine.api.runs import Approval, RunView
from ai_engine.api.streams import LAST_EVENT_ID
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput

__all__ = ["OPERATIONS"]

EVENT: Final[Content] = {"$ref": "#/components/schemas/RunEvent"}

ANSWER: Final = "The answer, or with `awaiting_approval` the tool calls to approve."
ANSWERS: Final[dict[str, Content]] = {"application/json": WorkflowOutput, EVENTS: EVENT}


EXAMPLES: Final[dict[str, Any]] = {
    "research": {
        "summary": "A single question; tools run at once",
        "value": {
            "query": "Which class is software that monitors heart rhythm?",
            "mode": "2",
            "tenant_id": "acme",
            "user_id": "ann",
        },
    },
    "approval": {
        "summary": "The user approves tool calls: the run pauses",
        "value": {
            "query": "Calculate 12.5 % of 3,400",
            "mode": "1",
            "tenant_id": "acme",
            "user_id": "ann",
            "agent_id": "regulatory-expert",
        },
    },
    "conversation": {
        "summary": "A question that continues a conversation",
        "value": {
            "query": "And for class III?",
            "mode": "4",
            "tenant_id": "acme",
            "user_id": "ann",
            "session_id": "session-1",
        },
    },
}

APPROVALS: Final[dict[str, Any]] = {
    "some": {"summary": "Only these calls", "value": {"approved": ["call-1"]}},
    "all": {"summary": "All calls", "value": {"approved": "all"}},
    "none": {"summary": "No call", "value": {"approved": []}},
}

OPERATIONS: Final[Operations] = {
    **RESUMPTION,
    ("post", "/v1/runs"): Operation(
        summary="Ask",
        description="Answers as JSON, or event by event if Accept prefers that.",
        parameters=(PREFERENCE, WEBHOOK, DEADLINE),
        body=WorkflowInput,
        examples=EXAMPLES,
        success=ANSWER,
        answers=ANSWERS,
        others=ACCEPTED_ANSWER,
        problems=ANSWERING_PROBLEMS,
    ),
    ("get", "/v1/runs/{run_id}"): Operation(
        summary="Show a run",
        description="The run's status, with its answer or its error.",
        success="The run.",
        answers={"application/json": RunView},
        problems=(404, 503),
    ),
    ("delete", "/v1/runs/{run_id}"): Operation(
        summary="Cancel a run",
        description="Ends a running, waiting or queued run.",
        others={"204": {"description": "It is cancelled."}},
        problems=(404, 409, 503),
    ),
    ("get", "/v1/runs/{run_id}/events"): Operation(
        summary="Follow a run",
        description="All events after the last one that the client has.",
        parameters=(parameter("header", LAST_EVENT_ID, "The id of the last event that the client has."),),
        success="The events.",
        answers={EVENTS: EVENT},
        others={"204": {"description": "The run has ended, and the client has all events."}},
        problems=(404, 409, 422, 503),
    ),
    ("post", "/v1/runs/{run_id}/approval"): Operation(
        summary="Approve tool calls",
        description="Continues a waiting run, and answers like Ask.",
        parameters=(PREFERENCE, DEADLINE),
        body=Approval,
        examples=APPROVALS,
        success=ANSWER,
        answers=ANSWERS,
        others=ACCEPTED_ANSWER,
        problems=(400, 402, 404, 409, 410, 413, 415, 422, 500, 502, 503, 504),
    ),
}
