"""OpenAI's chat completions."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.body import chat_limit, parse_model, read_named_json
from ai_engine.api.chat_workflows import asked_workflow, behind_providers, own_fields
from ai_engine.api.openai_operation import openai_operation
from ai_engine.api.operation import Operations
from ai_engine.api.run_requests import answer, begin, follow, until_begun
from ai_engine.auth.caller import Caller
from ai_engine.conversation import read_conversation
from ai_engine.engine import Engine, engine_of
from ai_engine.gateway.cache_request import read_cache_request
from ai_engine.gateway.client_protocols import CHAT_PROTOCOL
from ai_engine.gateway.either import EitherExchange, refusal_as_openai
from ai_engine.gateway.model_names import AskedModels
from ai_engine.gateway.openai_chat import PROTOCOLS, ChatExchange
from ai_engine.gateway.relay_call import relay_call
from ai_engine.gateway.shared_account import refuse_shared_state
from ai_engine.protocols.openai.request import (
    ChatRequest,
    check_wishes,
    user_of,
)
from ai_engine.protocols.openai.response import ChunkWriter, completion

__all__ = ["OPERATIONS", "routes"]


async def complete(request: Request) -> Response:
    """Answer the last message of a conversation."""
    engine = engine_of(request)
    body, value = await read_named_json(request, chat_limit(engine.settings))
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
    refuse_shared_state(body, Caller.of(request).tenant_id)
    cache, body = read_cache_request(request, body)
    count, count_at_most = engine.services.account.count, engine.services.account.count_at_most
    verbatim = ChatExchange(body, count=count, count_at_most=count_at_most)
    exchange = EitherExchange(verbatim, PROTOCOLS, CHAT_PROTOCOL, body, engine)
    return await relay_call(
        request,
        engine,
        exchange,
        asked,
        user_id=user_of(body.get("user") or body.get("safety_identifier")),
        refuse=refusal_as_openai(exchange),
        cache=cache,
    )


routes = (Route("/v1/chat/completions", complete, methods=["POST"]),)

_EXAMPLE: Final = {
    "model": "mode-2/generalist",
    "messages": [{"role": "user", "content": "What is a 510(k)?"}],
}


OPERATIONS: Final[Operations] = {
    ("post", "/v1/chat/completions"): openai_operation(
        summary="Chat as with OpenAI",
        description="A model is a mode and an agent, or a workflow; errors are OpenAI's too.",
        body=ChatRequest,
        examples={"question": {"value": _EXAMPLE}},
    ),
}
"""OpenAI's own reference says more."""
