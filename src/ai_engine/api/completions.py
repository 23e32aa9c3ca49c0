"""OpenAI's older completions: a text is continued by the answer of a chat."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ai_engine.api.body import chat_limit, read_named_json
from ai_engine.api.chat_workflows import answer_with_workflow, behind_providers
from ai_engine.api.openai_operation import openai_operation
from ai_engine.api.operation import Operations
from ai_engine.conversation import ChatMessage
from ai_engine.engine import engine_of
from ai_engine.gateway.cache_request import read_cache_request
from ai_engine.gateway.client_protocols import TEXT_PROTOCOL
from ai_engine.gateway.model_failures import refuse_translated_as_openai
from ai_engine.gateway.relay_call import relay_call
from ai_engine.gateway.translated import TranslatedExchange
from ai_engine.protocols.canonical.field_reader import FieldReader
from ai_engine.protocols.openai.request import user_of
from ai_engine.protocols.openai.text_request_reader import prompt_of, read_text_request

__all__ = ["OPERATIONS", "routes"]


class TextRequest(BaseModel):
    """A request of OpenAI's older completions; its reference describes all fields."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str
    prompt: str | list[str]
    """A text, or a list with one."""
    max_tokens: int | None = None
    stream: bool | None = None


async def complete(request: Request) -> Response:
    """Answer a prompt."""
    engine = engine_of(request)
    _, body = await read_named_json(request, chat_limit(engine.settings))
    models = behind_providers(engine, body)
    if models is None:
        asked = read_text_request(body)
        prompt = [ChatMessage(role="user", content=prompt_of(FieldReader(body)))]
        return await answer_with_workflow(request, engine, asked, prompt, TEXT_PROTOCOL)
    cache, body = read_cache_request(request, body)
    account = engine.services.account
    exchange = TranslatedExchange(
        TEXT_PROTOCOL,
        body,
        count=account.count,
        count_at_most=account.count_at_most,
        drops_params=engine.settings.drop_params,
    )
    return await relay_call(
        request,
        engine,
        exchange,
        models,
        user_id=user_of(body.get("user")),
        refuse=refuse_translated_as_openai,
        cache=cache,
    )


routes = (Route("/v1/completions", complete, methods=["POST"]),)

_EXAMPLE: Final = {"model": "mode-2/generalist", "prompt": "What is a 510(k)?", "max_tokens": 200}

OPERATIONS: Final[Operations] = {
    ("post", "/v1/completions"): openai_operation(
        summary="Complete a text as with OpenAI's older API",
        description="The prompt is sent as the only message of a chat; errors are OpenAI's too.",
        body=TextRequest,
        examples={"prompt": {"value": _EXAMPLE}},
    ),
}
