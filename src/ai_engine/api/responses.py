"""OpenAI's Responses API without stored state: models behind providers, workflows and agents."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.body import chat_limit, read_json
from ai_engine.api.chat_workflows import answer_with_workflow, behind_providers
from ai_engine.api.openai_operation import openai_operation
from ai_engine.api.operation import Operations
from ai_engine.auth.caller import Caller
from ai_engine.conversation import ChatMessage
from ai_engine.engine import engine_of
from ai_engine.gateway.cache_request import read_cache_request
from ai_engine.gateway.client_protocols import RESPONSES_PROTOCOL
from ai_engine.gateway.either import EitherExchange, refusal_as_openai
from ai_engine.gateway.openai_responses import ResponsesExchange
from ai_engine.gateway.relay_call import relay_call
from ai_engine.gateway.shared_account import refuse_shared_state
from ai_engine.protocols.openai.request import user_of
from ai_engine.protocols.responses.response_request_reader import read_response_request
from vital_shared.llm.wires.relay import RESPONSES

__all__ = ["OPERATIONS", "routes"]

PROTOCOLS: Final = frozenset({RESPONSES})


class ResponseRequest(BaseModel):
    """A request of OpenAI's Responses API; its reference describes all fields."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str
    input: Any
    instructions: str | None = None
    stream: bool | None = None
    drop_params: bool | None = None
    """Whether to leave out what the provider cannot take, rather than refuse it."""


async def create(request: Request) -> Response:
    """Answer a conversation."""
    engine = engine_of(request)
    _, body = await read_json(request, chat_limit(engine.settings), is_passed_on=True)
    models = behind_providers(engine, body)
    if models is None:
        asked = read_response_request(body)
        return await answer_with_workflow(request, engine, asked, _messages(body), RESPONSES_PROTOCOL)
    refuse_shared_state(body, Caller.of(request).tenant_id)
    cache, body = read_cache_request(request, body)
    count, count_at_most = engine.services.account.count, engine.services.account.count_at_most
    verbatim = ResponsesExchange(body, count=count, count_at_most=count_at_most)
    exchange = EitherExchange(verbatim, PROTOCOLS, RESPONSES_PROTOCOL, body, engine)
    return await relay_call(
        request,
        engine,
        exchange,
        models,
        user_id=user_of(body.get("user") or body.get("safety_identifier")),
        refuse=refusal_as_openai(exchange),
        cache=cache,
        prefers_responses=True,
    )


def _messages(body: dict[str, Any]) -> list[ChatMessage]:
    """Return the messages among the items, as a conversation has them."""
    items = body["input"]
    if isinstance(items, str):
        return [ChatMessage(role="user", content=items)]
    return [ChatMessage(role=each["role"], content=each.get("content")) for each in items if each.get("role")]


routes = (Route("/v1/responses", create, methods=["POST"]),)

_EXAMPLE: Final = {"model": "mode-2/generalist", "input": "What is a 510(k)?"}

OPERATIONS: Final[Operations] = {
    ("post", "/v1/responses"): openai_operation(
        summary="Ask for a response as with OpenAI",
        description="A model is one behind a provider, an agent in a mode, or a workflow; nothing is stored.",
        body=ResponseRequest,
        examples={"question": {"value": _EXAMPLE}},
    ),
}
"""OpenAI's own reference says more."""
