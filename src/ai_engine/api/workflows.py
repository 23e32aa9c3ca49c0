"""The workflows that the engine serves: list them, and start a run of one by its name."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.runs import ask
from ai_engine.engine import engine_of
from ai_engine.served_workflows import ServedWorkflow, description_of
from vital_shared.models.base import Frozen
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode

__all__ = ["WorkflowList", "WorkflowView", "routes"]


class WorkflowView(Frozen):
    """A workflow that is served."""

    name: str
    description: str
    is_default: bool
    """Whether it answers where a request names none: at ``/v1/runs``, in the page and in chats."""

    modes: tuple[WorkflowMode, ...]
    input_schema: dict[str, Any]
    """JSON schema of a request's body."""

    result_schema: dict[str, Any] | None
    """JSON schema of the answer's `result`; None: the workflow declares none."""


class WorkflowList(Frozen):
    """Workflows, in the order in which they are configured."""

    workflows: tuple[WorkflowView, ...]


async def show_all(request: Request) -> Response:
    """List the workflows."""
    served = engine_of(request).workflows
    listed = WorkflowList(workflows=tuple(_view(each, is_default=each is served.default) for each in served))
    return Response(listed.model_dump_json(), media_type="application/json")


async def show(request: Request) -> Response:
    """Show one workflow."""
    served = engine_of(request).workflows
    found = served.named(request.path_params["name"])
    view = _view(found, is_default=found is served.default)
    return Response(view.model_dump_json(), media_type="application/json")


async def create(request: Request) -> Response:
    """Begin a run of a workflow, and answer with its end or its events."""
    return await ask(request, engine_of(request).workflows.named(request.path_params["name"]))


def _view(served: ServedWorkflow, *, is_default: bool) -> WorkflowView:
    return WorkflowView(
        name=served.name,
        description=description_of(type(served.workflow)),
        is_default=is_default,
        modes=tuple(mode for mode in WorkflowMode if mode in served.workflow.modes),
        input_schema=_input_schema(served.input_type),
        result_schema=_schema(served.workflow.result_type),
    )


@cache
def _input_schema(model: type[WorkflowInput]) -> dict[str, Any]:
    return model.model_json_schema()


def _schema(result_type: Any) -> dict[str, Any] | None:
    return None if result_type is None else TypeAdapter(result_type).json_schema(mode="serialization")


routes = (
    Route("/v1/workflows", show_all, methods=["GET"]),
    Route("/v1/workflows/{name}", show, methods=["GET"]),
    Route("/v1/workflows/{name}/runs", create, methods=["POST"]),
)
