"""Anthropic's messages: models behind providers, workflows and agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.body import chat_limit, read_json
from ai_engine.api.chat_workflows import answer_with_workflow, behind_providers
from ai_engine.api.operation import Content, Operation, Operations
from ai_engine.auth.caller import Caller
from ai_engine.conversation import ChatMessage
from ai_engine.engine import Engine, engine_of
from ai_engine.gateway.anthropic_messages import MEASURED_FIELDS, MessagesExchange
from ai_engine.gateway.cache_request import read_cache_request
from ai_engine.gateway.client_protocols import MESSAGES_PROTOCOL
from ai_engine.gateway.either import EitherExchange
from ai_engine.gateway.model_failures import refuse_as_anthropic
from ai_engine.gateway.relay_call import relay_call
from ai_engine.gateway.shared_account import refuse_shared_state
from ai_engine.gateway.size import measure
from ai_engine.protocols.anthropic.message_request_reader import read_message_request
from ai_engine.protocols.openai.request import user_of

__all__ = ["OPERATIONS", "routes"]

PROTOCOLS: Final = frozenset({"anthropic"})


class MessageRequest(BaseModel):
    """A request of Anthropic's Messages API; its reference describes all fields."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str
    messages: tuple[ChatMessage, ...]
    max_tokens: int
    system: Any = None
    stream: bool | None = None
    drop_params: bool | None = None
    """Whether to leave out what the provider cannot take, rather than refuse it."""


async def create(request: Request) -> Response:
    """Answer a conversation."""
    engine = engine_of(request)
    _, body = await read_json(request, chat_limit(engine.settings), is_passed_on=True)
    models = behind_providers(engine, body)
    if models is None:
        asked = read_message_request(body)
        messages = [ChatMessage(role=each["role"], content=each.get("content")) for each in body["messages"]]
        return await answer_with_workflow(
            request,
            engine,
            asked,
            messages,
            MESSAGES_PROTOCOL,
            input_tokens=lambda: _input_tokens(engine, body),
        )
    refuse_shared_state(body, Caller.of(request).tenant_id)
    cache, body = read_cache_request(request, body)
    count, count_at_most = engine.services.account.count, engine.services.account.count_at_most
    beta = request.headers.get("anthropic-beta", "")
    verbatim = MessagesExchange(body, beta=beta, count=count, count_at_most=count_at_most)
    metadata = body.get("metadata")
    return await relay_call(
        request,
        engine,
        EitherExchange(verbatim, PROTOCOLS, MESSAGES_PROTOCOL, body, engine),
        models,
        user_id=user_of(metadata.get("user_id") if isinstance(metadata, dict) else None),
        refuse=refuse_as_anthropic,
        cache=cache,
    )


async def count_tokens(request: Request) -> Response:
    """Estimate the tokens of a request."""
    engine = engine_of(request)
    _, body = await read_json(request, chat_limit(engine.settings), is_passed_on=True)
    read_message_request(body, is_counting=True)
    tokens = _input_tokens(engine, body)
    return Response(to_json({"input_tokens": tokens}), media_type="application/json")


def _input_tokens(engine: Engine, body: Mapping[str, Any]) -> int:
    account = engine.services.account
    read = {name: body[name] for name in MEASURED_FIELDS if body.get(name) is not None}
    size = measure(read, count=account.count, count_at_most=account.count_at_most, max_output_tokens=None)
    return size.input_tokens


routes = (
    Route("/v1/messages", create, methods=["POST"]),
    Route("/v1/messages/count_tokens", count_tokens, methods=["POST"]),
)

_EXAMPLE: Final = {
    "model": "mode-2/generalist",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "What is a 510(k)?"}],
}
_ANTHROPIC: Final = {"default": {"description": "An error in the form of Anthropic's API."}}
_JSON: Final[dict[str, Content]] = {"application/json": {}}


def _operation(summary: str, description: str) -> Operation:
    return Operation(
        summary=summary,
        description=description,
        body=MessageRequest,
        examples={"question": {"value": _EXAMPLE}},
        success="In the form of Anthropic's API.",
        answers=_JSON,
        others=_ANTHROPIC,
        problems=None,
    )


OPERATIONS: Final[Operations] = {
    ("post", "/v1/messages"): _operation(
        "Send messages as with Anthropic",
        "A model is one behind a provider, a mode and an agent, or a workflow; errors are Anthropic's too.",
    ),
    ("post", "/v1/messages/count_tokens"): _operation(
        "Estimate the tokens of messages", "The engine's own estimate; no provider is called."
    ),
}
"""Anthropic's own reference says more."""
