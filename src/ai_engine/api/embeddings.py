"""OpenAI's embeddings."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.body import chat_limit, parse_model, read_named_json
from ai_engine.api.openai_operation import openai_operation
from ai_engine.api.operation import Operations
from ai_engine.engine import engine_of
from ai_engine.gateway.cache_request import read_cache_request
from ai_engine.gateway.model_failures import refuse_translated_as_openai
from ai_engine.gateway.model_names import require_embedding_models
from ai_engine.gateway.openai_embeddings import EmbeddingsExchange
from ai_engine.gateway.openai_errors import refuse_as_openai
from ai_engine.gateway.relay_call import relay_call
from ai_engine.protocols.openai.request import user_of
from vital_shared.llm.base import ModelError

__all__ = ["OPERATIONS", "routes"]


class EmbeddingsRequest(BaseModel):
    """A request for embeddings; unknown fields are the provider's."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str
    input: Any
    """A text, a list of texts, or lists of tokens; at most 2,048."""


async def embed(request: Request) -> Response:
    """Return a vector for each input."""
    engine = engine_of(request)
    raw, body = await read_named_json(request, chat_limit(engine.settings))
    asked = parse_model(EmbeddingsRequest, raw)
    models = require_embedding_models(asked.model, engine.services)
    account = engine.services.account
    cache, body = read_cache_request(request, body)
    exchange = EmbeddingsExchange(
        body,
        count=account.count,
        count_at_most=account.count_at_most,
        drops_params=engine.settings.drop_params,
    )

    def refuse(error: ModelError) -> Response:
        return refuse_as_openai(error) if exchange.is_verbatim else refuse_translated_as_openai(error)

    return await relay_call(
        request,
        engine,
        exchange,
        models,
        user_id=user_of(body.get("user")),
        refuse=refuse,
        cache=cache,
    )


routes = (Route("/v1/embeddings", embed, methods=["POST"]),)

_EXAMPLE: Final = {"model": "bge-small-en-v1.5", "input": ["What is a 510(k)?"]}

OPERATIONS: Final[Operations] = {
    ("post", "/v1/embeddings"): openai_operation(
        summary="Embed texts as with OpenAI",
        description="A model of a provider, or one on this machine; errors are OpenAI's too.",
        body=EmbeddingsRequest,
        examples={"texts": {"value": _EXAMPLE}},
    ),
}
"""OpenAI's own reference says more."""
