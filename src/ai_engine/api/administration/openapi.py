"""The OpenAPI document: what FastAPI knows, and the other routes, which are plain Starlette."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, RootModel
from pydantic.json_schema import models_json_schema

from ai_engine.api import (
    agui,
    background,
    chat,
    completions,
    embeddings,
    gemini,
    health,
    messages,
    metrics,
    models,
    responses,
    run_operations,
    workflow_operations,
)
from ai_engine.api.administration.keys import KeyInput
from ai_engine.api.operation import Content, Operation, Operations, parameter
from ai_engine.auth.caller import TENANT_HEADER
from ai_engine.problem import MEDIA_TYPE, Problem
from ai_engine.served_classes import ServedClasses
from vital_shared.models.alert import AlertNotification
from vital_shared.models.conversation import ConversationTitle
from vital_shared.models.event import Event
from vital_shared.models.feedback import FeedbackInput

__all__ = ["RESPONSES", "add_openapi"]


class RunEvent(RootModel[Event]):
    """The data of one server-sent event; its type is also the event's name, its seq the event's id."""


PROBLEM_CONTENT: Final[dict[str, Any]] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

DESCRIPTION: Final = (
    "Questions answered with citations, and monitored. "
    "If the engine has keys, every request except health checks requires one. "
    f"The header {TENANT_HEADER} narrows a request down to one tenant; a tenant's own key does so itself."
)

OPERATIONS: Final[Operations] = {
    **run_operations.OPERATIONS,
    **background.OPERATIONS,
    **chat.OPERATIONS,
    **messages.OPERATIONS,
    **gemini.OPERATIONS,
    **models.OPERATIONS,
    **responses.OPERATIONS,
    **embeddings.OPERATIONS,
    **completions.OPERATIONS,
    **agui.OPERATIONS,
    **health.OPERATIONS,
    **metrics.OPERATIONS,
}

KEY: Final = {"type": "http", "scheme": "bearer", "description": "A key, as `vital keys create` prints it."}

PROBLEMS: Final = {
    400: "The body is not JSON.",
    401: "The request has no key, or an invalid one.",
    402: "The request could cost more than is left of the tenant's budget: `left_dollars`, `resets_at`.",
    403: "The caller, or the key, may not do that.",
    404: "It does not exist, or is another tenant's.",
    409: "Its state does not allow that (now).",
    410: "The approval came too late.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A field is wrong; `errors` says which.",
    429: "The tenant's rate is exceeded: retry after Retry-After.",
    500: "The run failed.",
    502: "The language model did not answer.",
    503: "The engine is busy or stopping, or the store does not answer.",
    504: "The run took too long.",
}

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **{status: {"description": PROBLEMS[status], "content": PROBLEM_CONTENT} for status in (401, 403)},
    "default": {"description": "A problem.", "content": PROBLEM_CONTENT},
}
"""Failures that each route may answer with."""


def add_openapi(app: FastAPI, classes: ServedClasses) -> None:
    """Give an application its document, made when it is first asked for.

    :param classes: the workflows that are served, each with schemas of its own.
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, {**OPERATIONS, **workflow_operations.operations(classes)})
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI, operations: Operations) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas, definitions = models_json_schema(
        [*dict.fromkeys(_models(operations))], ref_template="#/components/schemas/{model}"
    )
    document["components"]["schemas"] |= definitions["$defs"]
    document["components"]["securitySchemes"] = {"key": KEY}
    document["security"] = [{"key": []}, {}]  # none is needed where there are no keys
    own = {model: schema for (model, _), schema in schemas.items()}
    paths: dict[str, Any] = {}
    for (method, path), operation in operations.items():
        paths.setdefault(path, {})[method] = _operation(path, operation, own)
    for path, methods in document["paths"].items():
        paths[path] = paths.get(path, {}) | methods
    document["paths"] = paths
    for methods in document["paths"].values():
        for each in methods.values():
            each.setdefault("parameters", []).append(
                parameter("header", TENANT_HEADER, "Act for this tenant.")
            )
    return document


def _models(
    operations: Operations,
) -> Iterator[tuple[type[BaseModel], Literal["validation", "serialization"]]]:
    """Yield the models that the document names, those of requests and those of answers."""
    yield AlertNotification, "validation"
    yield ConversationTitle, "validation"
    yield FeedbackInput, "validation"
    yield KeyInput, "validation"
    yield RunEvent, "serialization"
    yield Problem, "serialization"
    yield background.AcceptedRun, "serialization"
    for operation in operations.values():
        if isinstance(operation.body, type):
            yield operation.body, "validation"
        for form in operation.answers.values():
            if isinstance(form, type):
                yield form, "serialization"


def _operation(path: str, operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    """Write an operation as OpenAPI has it.

    :param schemas: references to the schemas of models.
    """

    def schema(content: Content) -> Any:
        return schemas[content] if isinstance(content, type) else content

    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    written: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "responses": dict(operation.others),
    }
    if operation.success:
        forms = {kind: {"schema": schema(form)} if form else {} for kind, form in operation.answers.items()}
        written["responses"]["200"] = {"description": operation.success, "content": forms}
    if operation.problems is not None:
        written["responses"] |= _problems(*operation.problems)
    if operation.body is not None:
        form = {"schema": schema(operation.body), "examples": operation.examples}
        written["requestBody"] = {"required": True, "content": {"application/json": form}}
    if in_path or operation.parameters:
        written["parameters"] = [*in_path, *operation.parameters]
    return written


def _problems(*statuses: int) -> dict[str, Any]:
    return {
        str(status): {
            "description": PROBLEMS[status],
            "content": PROBLEM_CONTENT,
        }
        for status in sorted({401, 403, 422, *statuses})  # 422: the tenant's header may be wrong
    }
