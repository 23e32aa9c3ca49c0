"""The models that a caller may use, as clients of OpenAI, Google and Anthropic list them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.chat_workflows import own_fields
from ai_engine.api.operation import Content, Operation, Operations
from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from ai_engine.gateway.model_names import embedded_names, find_embedding_models
from ai_engine.protocols.dialect import dialect_of
from ai_engine.protocols.gemini.errors import METHODS as GOOGLES_METHODS
from ai_engine.protocols.openai.names import is_agents, model_name, read_name
from vital_shared.errors import NotFound
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.models.workflow_names import BUILT_IN

__all__ = ["OPERATIONS", "routes"]

UNKNOWN_DAY: Final = "1970-01-01T00:00:00Z"
"""The release of a model whose day is not known, as Anthropic's API writes it."""

METHODS: Final = ("generateContent", "streamGenerateContent", "countTokens")
"""The methods of each model in the Gemini API."""


async def list_models(request: Request) -> Response:
    """List the models that the caller may ask."""
    dialect = dialect_of(request.url.path, request.headers)
    if dialect == "gemini":
        return await list_googles(request)
    names = await _listed(request)
    if dialect == "anthropic":
        first, last = (names[0], names[-1]) if names else (None, None)
        models = [_anthropics(name) for name in names]
        return _json({"data": models, "has_more": False, "first_id": first, "last_id": last})
    return _json({"object": "list", "data": [_openais(name) for name in names]})


async def show_model(request: Request) -> Response:
    """Show one model."""
    name = "/".join(request.path_params.values())
    await _check(request, name)
    dialect = dialect_of(request.url.path, request.headers)
    if dialect == "gemini":
        return _json(_googles(name))
    return _json(_anthropics(name) if dialect == "anthropic" else _openais(name))


async def list_googles(request: Request) -> Response:
    """List the models that the caller may ask, as the Gemini API does."""
    return _json({"models": [_googles(name) for name in await _listed(request)]})


async def show_googles(request: Request) -> Response:
    """Show one model as the Gemini API does."""
    name = request.path_params["model"]
    await _check(request, name)
    return _json(_googles(name))


def _openais(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "vital"}


def _anthropics(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": UNKNOWN_DAY}


def _googles(name: str) -> dict[str, Any]:
    return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": METHODS}


def _json(content: dict[str, Any]) -> Response:
    return Response(to_json(content), media_type="application/json")


async def _listed(request: Request) -> tuple[str, ...]:
    """List the names of the models that the caller may ask."""
    engine = engine_of(request)
    agents = await engine.services.agents.list(tenant_id=Caller.of(request).tenant_id)
    names = sorted({agent.profile.id for agent in agents})
    modes = [mode for mode in WorkflowMode if mode in engine.workflows.default.workflow.modes]
    own = [each.name for each in engine.workflows if each.name != BUILT_IN]
    return (
        *own,
        *(model_name(mode, name) for mode in modes for name in names),
        *engine.services.models.routes,
        *engine.services.models.configured,
        *embedded_names(engine.services),
    )


async def _check(request: Request, name: str) -> None:
    """See whether the caller may ask a model.

    :raises NotFound: when there is none of this name.
    """
    engine = engine_of(request)
    if engine.workflows.find(name) is not None:
        return
    if name.rpartition(":")[2] in GOOGLES_METHODS:
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
    if not is_agents(name) and (found := find_embedding_models(name, engine.services)) is not None:
        if found.models[0].name not in embedded_names(engine.services):
            engine.services.models.provider_of(found.models[0].name)
        return
    mode, agent_id = read_name(name)
    with own_fields():
        await engine.services.agents.get(agent_id, tenant_id=Caller.of(request).tenant_id)
    if mode not in engine.workflows.default.workflow.modes:
        raise NotFound(f"This workflow does not serve mode {mode.value}.", field="model")


routes = (
    Route("/v1/models", list_models, methods=["GET"]),
    Route("/v1/models/{mode}/{agent_id}", show_model, methods=["GET"]),
    Route("/v1/models/{name}", show_model, methods=["GET"]),
    Route("/v1beta/models", list_googles, methods=["GET"]),
    Route("/v1beta/models/{model:path}", show_googles, methods=["GET"]),
)

_JSON: Final[dict[str, Content]] = {"application/json": {}}


def _operation(summary: str, description: str, whose: str) -> Operation:
    return Operation(
        summary=summary,
        description=description,
        success=f"As {whose} API has it.",
        answers=_JSON,
        others={"default": {"description": f"An error, as {whose} API has it."}},
        problems=None,
    )


OPERATIONS: Final[Operations] = {
    ("get", "/v1/models"): _operation(
        "List models",
        "Workflows, modes with agents, and models behind providers; with the header `x-goog-api-key` as the "
        "Gemini API has it, with `anthropic-version` as Anthropic's.",
        "OpenAI's",
    ),
    ("get", "/v1/models/{mode}/{agent_id}"): _operation("Show a model", "A mode and an agent.", "OpenAI's"),
    ("get", "/v1/models/{name}"): _operation(
        "Show a workflow as a model", "A workflow, by its name.", "OpenAI's"
    ),
    ("get", "/v1beta/models"): _operation("List models as with Gemini", "Those of `/v1/models`.", "Google's"),
    ("get", "/v1beta/models/{model}"): _operation(
        "Show a model as with Gemini", "Any listed one.", "Google's"
    ),
}
"""OpenAI's and Google's own references say more."""
