"""OpenAI's chat completions and models."""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.body import chat_limit, parse_model, read_json
from ai_engine.api.chat_workflows import asked_workflow, behind_providers, own_fields
from ai_engine.api.operation import Content, Operation, Operations
from ai_engine.api.run_requests import answer, begin, follow, until_begun
from ai_engine.auth.caller import Caller
from ai_engine.conversation import read_conversation
from ai_engine.engine import Engine, engine_of
from ai_engine.gateway.cache_request import read_cache_request
from ai_engine.gateway.client_protocols import CHAT_PROTOCOL
from ai_engine.gateway.either import EitherExchange
from ai_engine.gateway.model_failures import refuse_translated_as_openai
from ai_engine.gateway.model_names import (
    AskedModels,
    embedded_names,
    find_embedding_models,
)
from ai_engine.gateway.openai_chat import PROTOCOLS, ChatExchange
from ai_engine.gateway.openai_errors import refuse_as_openai
from ai_engine.gateway.relay_call import relay_call
from ai_engine.gateway.translated import TranslatedExchange
from ai_engine.protocols.openai.names import is_agents, model_name, read_name
from ai_engine.protocols.openai.request import (
    DEFAULT_TENANT,
    ChatRequest,
    check_wishes,
    user_of,
)
from ai_engine.protocols.openai.response import ChunkWriter, completion
from vital_shared.errors import NotFound
from vital_shared.llm.base import ModelError
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.models.workflow_names import BUILT_IN

__all__ = ["OPERATIONS", "routes"]


async def complete(request: Request) -> Response:
    """Answer the last message of a conversation."""
    engine = engine_of(request)
    body, value = await read_json(request, chat_limit(engine.settings))
    if (found := behind_providers(engine, value)) is not None:
        return await _relay(request, engine, value, found)
    asked = parse_model(ChatRequest, body)
    conversation = read_conversation(asked.messages)
    check_wishes(asked)
    workflow, question = asked_workflow(engine, asked, conversation, Caller.of(request).tenant_id)
    with own_fields():
        if not asked.stream:
            output = await answer(request, engine, workflow, question)
            body = completion(output, asked.model, conversation.warnings)
            return Response(body, media_type="application/json")
        run = await begin(request, engine, workflow, question)
        await until_begun(request, run)
    writer = ChunkWriter(asked.model, includes_usage=asked.includes_usage, warnings=conversation.warnings)
    return follow(engine, run, write=writer)


async def _relay(request: Request, engine: Engine, body: dict[str, Any], asked: AskedModels) -> Response:
    """Pass a request on to the provider of its model, and its answer to the client."""
    cache, body = read_cache_request(request, body)
    count, count_at_most = engine.services.account.count, engine.services.account.count_at_most
    verbatim = ChatExchange(body, count=count, count_at_most=count_at_most)
    translated = TranslatedExchange(
        CHAT_PROTOCOL,
        body,
        count=count,
        count_at_most=count_at_most,
        channel=verbatim.channel,
        drops_params=engine.settings.drop_params,
    )
    exchange = EitherExchange(verbatim, PROTOCOLS, translated)

    def refuse(error: ModelError) -> Response:
        return refuse_as_openai(error) if exchange.is_verbatim else refuse_translated_as_openai(error)

    return await relay_call(
        request,
        engine,
        exchange,
        asked,
        tenant_id=Caller.of(request).tenant_id or DEFAULT_TENANT,
        user_id=user_of(body.get("user") or body.get("safety_identifier")),
        refuse=refuse,
        cache=cache,
    )


async def models(request: Request) -> Response:
    """List the models that the caller may ask."""
    engine = engine_of(request)
    agents = await engine.services.agents.list(tenant_id=Caller.of(request).tenant_id)
    names = sorted({agent.profile.id for agent in agents})
    modes = [mode for mode in WorkflowMode if mode in engine.workflows.default.workflow.modes]
    own = [each.name for each in engine.workflows if each.name != BUILT_IN]
    behind = (
        *engine.services.models.routes,
        *engine.services.models.configured,
        *embedded_names(engine.services),
    )
    listed = (*own, *(model_name(mode, name) for mode in modes for name in names), *behind)
    return _json({"object": "list", "data": [_model(name) for name in listed]})


async def model(request: Request) -> Response:
    """Show one model."""
    name = "/".join(request.path_params.values())
    engine = engine_of(request)
    if engine.workflows.find(name) is not None:
        return _json(_model(name))
    if not is_agents(name) and (found := find_embedding_models(name, engine.services)) is not None:
        if found.models[0].name not in embedded_names(engine.services):
            engine.services.models.provider_of(found.models[0].name)
        return _json(_model(name))
    mode, agent_id = read_name(name)
    with own_fields():
        await engine.services.agents.get(agent_id, tenant_id=Caller.of(request).tenant_id)
    if mode not in engine.workflows.default.workflow.modes:
        raise NotFound(f"This workflow does not serve mode {mode.value}.", field="model")
    return _json(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "vital"}


def _json(content: dict[str, Any]) -> Response:
    return Response(to_json(content), media_type="application/json")


routes = (
    Route("/v1/chat/completions", complete, methods=["POST"]),
    Route("/v1/models", models, methods=["GET"]),
    Route("/v1/models/{mode}/{agent_id}", model, methods=["GET"]),
    Route("/v1/models/{name}", model, methods=["GET"]),
)

_EXAMPLE: Final = {
    "model": "mode-2/generalist",
    "messages": [{"role": "user", "content": "What is a 510(k)?"}],
}
_OPENAI: Final = {"default": {"description": "An error, as OpenAI's API has it."}}
_JSON: Final[dict[str, Content]] = {"application/json": {}}
_SUCCESS: Final = "As OpenAI's API has it."


def _shown(summary: str, description: str) -> Operation:
    return Operation(
        summary=summary,
        description=description,
        success=_SUCCESS,
        answers=_JSON,
        others=_OPENAI,
        problems=None,
    )


OPERATIONS: Final[Operations] = {
    ("post", "/v1/chat/completions"): Operation(
        summary="Chat as with OpenAI",
        description="A model is a mode and an agent, or a workflow; errors are OpenAI's too.",
        body=ChatRequest,
        examples={"question": {"value": _EXAMPLE}},
        success=_SUCCESS,
        answers=_JSON,
        others=_OPENAI,
        problems=None,
    ),
    ("get", "/v1/models"): _shown("List models", "Workflows, and modes with agents, as models."),
    ("get", "/v1/models/{mode}/{agent_id}"): _shown("Show a model", "A mode and an agent."),
    ("get", "/v1/models/{name}"): _shown("Show a workflow as a model", "A workflow, by its name."),
}
"""OpenAI's own reference says more."""
