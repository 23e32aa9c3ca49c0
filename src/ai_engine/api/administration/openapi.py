"""The OpenAPI document: what FastAPI knows, and the other routes, which are plain Starlette."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import RootModel
from pydantic.json_schema import models_json_schema

from ai_engine.api.health import Health
from ai_engine.api.runs import Approval, RunView
from ai_engine.api.streams import LAST_EVENT_ID
from ai_engine.auth.caller import TENANT_HEADER
from ai_engine.problem import MEDIA_TYPE, Problem
from ai_engine.protocols.openai.request import ChatRequest
from vital_shared.models.alert import AlertNotification
from vital_shared.models.event import Event
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput

__all__ = ["PROBLEM_CONTENT", "add_openapi"]


class RunEvent(RootModel[Event]):
    """The data of one server-sent event; its type is also the event's name, its seq the event's id."""


PROBLEM_CONTENT: Final[dict[str, Any]] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

DESCRIPTION: Final = (
    "Questions, answered with citations and watched while they are. "
    "Where the engine has keys, each request but those for signs of life takes one. "
    f"The header {TENANT_HEADER} narrows a request down to one tenant; a tenant's own key does so itself."
)

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
        "summary": "A question that goes on with a conversation",
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
    "some": {"summary": "These calls and no others", "value": {"approved": ["call-1"]}},
    "all": {"summary": "All calls", "value": {"approved": "all"}},
    "none": {"summary": "No call", "value": {"approved": []}},
}

KEY: Final = {"type": "http", "scheme": "bearer", "description": "A key, as `vital keys create` prints it."}

RUN_ID: Final = {"name": "run_id", "in": "path", "required": True, "schema": {"type": "string"}}

PROBLEMS: Final = {
    400: "The body is not JSON.",
    401: "There is no key in the request, or none that can be used.",
    402: "The request could cost more than is left of the tenant's budget: `left_dollars`, `resets_at`.",
    403: "The caller, or the key, may not do that.",
    404: "There is no such thing, or it is another tenant's.",
    409: "Its state does not allow that (now).",
    410: "The approval came too late.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A field is wrong; `errors` says which.",
    429: "The tenant asks too often: come again after Retry-After.",
    500: "The run failed.",
    502: "The language model did not answer.",
    503: "The engine is busy or stopping, or the store does not answer.",
    504: "The run took too long.",
}


def add_openapi(app: FastAPI) -> None:
    """Give an application its document, made when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas, definitions = models_json_schema(
        [(model, "validation") for model in (WorkflowInput, Approval, AlertNotification, ChatRequest)]
        + [(model, "serialization") for model in (WorkflowOutput, RunView, RunEvent, Problem, Health)],
        ref_template="#/components/schemas/{model}",
    )
    document["components"]["schemas"] |= definitions["$defs"]
    document["components"]["securitySchemes"] = {"key": KEY}
    document["security"] = [{"key": []}, {}]  # none is needed where there are no keys
    own = {model: schema for (model, _), schema in schemas.items()}
    document["paths"] = {
        **_run_paths(own),
        **_chat_paths(own[ChatRequest]),
        **_agui_paths(),
        **document["paths"],
        **_watch_paths(own[Health]),
    }
    for path in document["paths"].values():
        for operation in path.values():
            operation.setdefault("parameters", []).append(_header(TENANT_HEADER, "Act for this tenant."))
    return document


def _run_paths(schemas: Mapping[type, Any]) -> dict[str, Any]:
    stream = {"text/event-stream": {"schema": schemas[RunEvent]}}
    answer = {
        "200": {
            "description": "The answer, or with `awaiting_approval` the tool calls to approve.",
            "content": {"application/json": {"schema": schemas[WorkflowOutput]}} | stream,
        }
    }
    view = {"description": "The run.", "content": {"application/json": {"schema": schemas[RunView]}}}
    resume = _header(LAST_EVENT_ID, "The id of the last event that the client has.")
    return {
        "/v1/runs": {
            "post": {
                **_operation("Ask", "Answers as JSON, or event by event where Accept prefers that."),
                "requestBody": _body(schemas[WorkflowInput], EXAMPLES),
                "responses": answer | _problems(400, 402, 413, 415, 422, 429, 500, 502, 503, 504),
            }
        },
        "/v1/runs/{run_id}": {
            "get": {
                **_operation("Show a run", "How the run stands, with its answer or its error."),
                "parameters": [RUN_ID],
                "responses": {"200": view} | _problems(404, 503),
            },
            "delete": {
                **_operation("Cancel a run", "Ends a run that works or waits."),
                "parameters": [RUN_ID],
                "responses": {"204": {"description": "It is cancelled."}} | _problems(404, 409, 503),
            },
        },
        "/v1/runs/{run_id}/events": {
            "get": {
                **_operation("Follow a run", "All events after the last one that the client has."),
                "parameters": [RUN_ID, resume],
                "responses": {
                    "200": {"description": "The events.", "content": stream},
                    "204": {"description": "The run has ended, and the client has all events."},
                }
                | _problems(404, 409, 422, 503),
            }
        },
        "/v1/runs/{run_id}/approval": {
            "post": {
                **_operation("Approve tool calls", "Goes on with a run that waits, and answers like Ask."),
                "parameters": [RUN_ID],
                "requestBody": _body(schemas[Approval], APPROVALS),
                "responses": answer | _problems(400, 402, 404, 409, 410, 413, 415, 422, 500, 502, 503, 504),
            }
        },
    }


def _chat_paths(request: Mapping[str, Any]) -> dict[str, Any]:
    """Describe what is OpenAI's: its own reference says more."""
    example = {"model": "mode-2/generalist", "messages": [{"role": "user", "content": "What is a 510(k)?"}]}
    answer = {
        "200": {"description": "As OpenAI's API has it.", "content": {"application/json": {}}},
        "default": {"description": "An error, as OpenAI's API has it."},
    }
    names = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in ("mode", "agent_id")
    ]
    complete = _operation("Chat as with OpenAI", "A model is a mode and an agent; errors are OpenAI's too.")
    return {
        "/v1/chat/completions": {
            "post": {
                **complete,
                "requestBody": _body(request, {"question": {"value": example}}),
                "responses": answer,
            }
        },
        "/v1/models": {
            "get": {**_operation("List models", "Modes and agents, as models."), "responses": answer}
        },
        "/v1/models/{mode}/{agent_id}": {
            "get": {
                **_operation("Show a model", "A mode and an agent."),
                "parameters": names,
                "responses": answer,
            }
        },
    }


def _agui_paths() -> dict[str, Any]:
    """Describe what is AG-UI's: its own specification says more."""
    example = {
        "threadId": "thread-1",
        "runId": "run-1",
        "messages": [{"id": "1", "role": "user", "content": "What is a 510(k)?"}],
    }
    required = ["threadId", "runId", "messages"]
    schema = {"type": "object", "title": "RunAgentInput", "required": required, "additionalProperties": True}
    events = {"description": "The events of AG-UI 1.0.", "content": {"text/event-stream": {}}}
    parameters = [
        {"name": name, "in": "query", "required": False, "description": said, "schema": {"type": "string"}}
        for name, said in (
            ("mode", "1 to 4; 3 by default."),
            ("agent_id", "The agent; generalist by default."),
        )
    ]
    said = "Streams the events of a run; approval is an interrupt, which the next call resumes."
    return {
        "/v1/agui": {
            "post": {
                **_operation("Chat with AG-UI", said),
                "parameters": parameters,
                "requestBody": _body(schema, {"question": {"value": example}}),
                "responses": {"200": events} | _problems(400, 402, 413, 415, 422, 429, 500, 502, 503, 504),
            }
        }
    }


def _watch_paths(health: Mapping[str, Any]) -> dict[str, Any]:
    """Describe what probes and Prometheus ask for."""
    json = {"application/json": {"schema": health}}
    text = {"text/plain": {"schema": {"type": "string"}}}

    def answer(content: Mapping[str, Any]) -> dict[str, Any]:
        return {"200": {"description": "It is there.", "content": content}}

    alive = _operation("Alive?", "Answers as long as the process does.", "health")
    ready = _operation("Ready for questions?", "The store answers, and no stop is under way.", "health")
    metrics = _operation("All metrics", "Of all workers, as Prometheus text or OpenMetrics.", "metrics")
    return {
        "/healthz": {"get": {**alive, "responses": answer(json) | _problems(500)}},
        "/readyz": {
            "get": {
                **ready,
                "responses": answer(json) | {"503": {"description": "One is not so.", "content": json}},
            }
        },
        "/metrics": {"get": {**metrics, "responses": answer(text) | _problems(404)}},
    }


def _operation(summary: str, description: str, tag: str = "runs") -> dict[str, Any]:
    return {"tags": [tag], "summary": summary, "description": description}


def _body(schema: Any, examples: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


def _problems(*statuses: int) -> dict[str, Any]:
    return {
        str(status): {
            "description": PROBLEMS[status],
            "content": PROBLEM_CONTENT,
        }
        for status in sorted({401, 403, 422, *statuses})  # 422: the tenant's header may be wrong
    }


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }
