"""Google's Gemini API: models behind providers, workflows and agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.body import chat_limit, read_json
from ai_engine.api.chat_workflows import answer_with_workflow, behind_providers
from ai_engine.api.json_list import as_json_list
from ai_engine.api.operation import Content, Operation, Operations
from ai_engine.auth.caller import Caller
from ai_engine.conversation import ChatMessage
from ai_engine.engine import engine_of
from ai_engine.gateway.cache_request import read_cache_request
from ai_engine.gateway.client_protocols import GENERATE_PROTOCOL
from ai_engine.gateway.either import EitherExchange
from ai_engine.gateway.gemini_embeddings import GeminiEmbeddingsExchange
from ai_engine.gateway.gemini_generate import PROTOCOLS, GenerateExchange, measured
from ai_engine.gateway.model_failures import refuse_as_gemini
from ai_engine.gateway.model_names import require_embedding_models
from ai_engine.gateway.relay_call import relay_call
from ai_engine.gateway.shared_account import refuse_shared_state
from ai_engine.gateway.size import measure
from ai_engine.protocols.canonical.messages import CanonicalMessage, MediaPart, MessagePart, TextPart
from ai_engine.protocols.gemini.field_names import normal_form
from ai_engine.protocols.gemini.generate_request_reader import read_generate_request
from ai_engine.protocols.openai.request import user_of
from vital_shared.errors import InvalidRequest

__all__ = ["OPERATIONS", "routes"]


class GenerateRequest(BaseModel):
    """A request of the Gemini API for content; its reference describes all fields."""

    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel)

    contents: tuple[Mapping[str, object], ...]
    system_instruction: Mapping[str, object] | None = None
    generation_config: Mapping[str, object] | None = None
    drop_params: bool | None = None
    """Whether to leave out what the provider cannot take, rather than refuse it."""


class EmbedRequest(BaseModel):
    """A request of the Gemini API for embeddings; its reference describes all fields."""

    model_config = ConfigDict(frozen=True, extra="allow")


async def generate(request: Request) -> Response:
    """Answer a conversation."""
    return await _generate(request, is_streamed=False)


async def stream(request: Request) -> Response:
    """Answer a conversation as a stream: of server-sent events, or of the items of one JSON list.

    :raises InvalidRequest: when the client would have anything else.
    """
    query = request.query_params
    form = query.get("alt") or query.get("$alt") or "json"
    if form not in ("sse", "json"):
        raise InvalidRequest(
            "alt has to be sse, for server-sent events, or json, for a list of JSON", field="alt"
        )
    response = await _generate(request, is_streamed=True)
    return response if form == "sse" else as_json_list(response)


async def _generate(request: Request, *, is_streamed: bool) -> Response:
    engine = engine_of(request)
    cache, body = read_cache_request(request, await _body(request))
    refuse_shared_state(body, Caller.of(request).tenant_id)
    asked = body | {"model": request.path_params["model"], "stream": is_streamed}
    models = behind_providers(engine, asked)
    if models is None:
        read = read_generate_request(asked)
        messages = [_message(each) for each in read.messages]
        return await answer_with_workflow(request, engine, read, messages, GENERATE_PROTOCOL)
    count, count_at_most = engine.services.account.count, engine.services.account.count_at_most
    verbatim = GenerateExchange(body, is_streamed=is_streamed, count=count, count_at_most=count_at_most)
    return await relay_call(
        request,
        engine,
        EitherExchange(verbatim, PROTOCOLS, GENERATE_PROTOCOL, asked, engine),
        models,
        user_id=user_of(None),
        refuse=refuse_as_gemini,
        cache=cache,
    )


def _message(message: CanonicalMessage) -> ChatMessage:
    return ChatMessage(role=message.role, content=[_part(each) for each in message.parts])


def _part(part: MessagePart) -> dict[str, str]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    return {"type": part.kind if isinstance(part, MediaPart) else "tool_use"}


async def count_tokens(request: Request) -> Response:
    """Estimate the tokens of a request."""
    engine = engine_of(request)
    body = await _body(request)
    inner = body.get("generateContentRequest") or body.get("generate_content_request") or body
    if not isinstance(inner, dict):
        raise InvalidRequest("generateContentRequest must be an object", field="generateContentRequest")
    read_generate_request(inner | {"model": request.path_params["model"]})
    account = engine.services.account
    size = measure(
        measured(normal_form(inner)),
        count=account.count,
        count_at_most=account.count_at_most,
        max_output_tokens=None,
    )
    return _json({"totalTokens": size.input_tokens})


async def embed(request: Request) -> Response:
    """Return the vector of a content."""
    return await _embed(request, is_batch=False)


async def embed_batch(request: Request) -> Response:
    """Return a vector for each content."""
    return await _embed(request, is_batch=True)


async def _embed(request: Request, *, is_batch: bool) -> Response:
    engine = engine_of(request)
    body = await _body(request)
    models = require_embedding_models(request.path_params["model"], engine.services)
    account = engine.services.account
    return await relay_call(
        request,
        engine,
        GeminiEmbeddingsExchange(
            body, is_batch=is_batch, count=account.count, count_at_most=account.count_at_most
        ),
        models,
        user_id=user_of(None),
        refuse=refuse_as_gemini,
    )


async def _body(request: Request) -> dict[str, Any]:
    _, body = await read_json(request, chat_limit(engine_of(request).settings), is_passed_on=True)
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be an object")
    return body


def _json(content: dict[str, Any]) -> Response:
    return Response(to_json(content), media_type="application/json")


VERSIONS: Final = ("/v1beta", "/v1")
"""The versions of the API that clients name; what is served is the same."""

routes = tuple(
    Route(f"{version}/models/{{model:path}}:{method}", answering, methods=["POST"])
    for version in VERSIONS
    for method, answering in (
        ("generateContent", generate),
        ("streamGenerateContent", stream),
        ("countTokens", count_tokens),
        ("embedContent", embed),
        ("batchEmbedContents", embed_batch),
    )
)

_GOOGLE: Final = {"default": {"description": "An error in the form of the Gemini API."}}
_JSON: Final[dict[str, Content]] = {"application/json": {}}
_QUESTION: Final = {"contents": [{"role": "user", "parts": [{"text": "What is a 510(k)?"}]}]}
_TEXT: Final = {"content": {"parts": [{"text": "What is a 510(k)?"}]}}


def _operation(
    summary: str, description: str, body: type[BaseModel], example: Mapping[str, object]
) -> Operation:
    return Operation(
        summary=summary,
        description=description,
        body=body,
        examples={"question": {"value": example}},
        success="In the form of the Gemini API.",
        answers=_JSON,
        others=_GOOGLE,
        problems=None,
    )


_METHODS: Final[Mapping[str, Operation]] = {
    "generateContent": _operation(
        "Ask for content as with Gemini",
        "A model is one behind a provider, a mode and an agent, or a workflow; errors are Google's too.",
        GenerateRequest,
        _QUESTION,
    ),
    "streamGenerateContent": _operation(
        "Ask for content as a stream, as with Gemini",
        "Server-sent events with `alt=sse` in the address, else the items of one list of JSON.",
        GenerateRequest,
        _QUESTION,
    ),
    "countTokens": _operation(
        "Estimate the tokens of contents",
        "The engine's own estimate; no provider is called.",
        GenerateRequest,
        _QUESTION,
    ),
    "embedContent": _operation(
        "Embed a text as with Gemini", "A model of a provider, or one on this machine.", EmbedRequest, _TEXT
    ),
    "batchEmbedContents": _operation(
        "Embed texts as with Gemini",
        "A model of a provider, or one on this machine.",
        EmbedRequest,
        {"requests": [_TEXT]},
    ),
}

OPERATIONS: Final[Operations] = {
    ("post", f"{version}/models/{{model}}:{method}"): operation
    for version in VERSIONS
    for method, operation in _METHODS.items()
}
"""Google's own reference says more."""
