"""Pass a call on as a run, and its answer to the client as it comes."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ai_engine.api.run_requests import begin, output_of
from ai_engine.api.streams import MEDIA_TYPE as STREAM_TYPE
from ai_engine.api.streams import EventStreamResponse
from ai_engine.auth.caller import Caller
from ai_engine.engine import Engine
from ai_engine.gateway.answer_cache import RecordedAnswer
from ai_engine.gateway.cache_request import CacheRequest
from ai_engine.gateway.cached_call import find_or_begin
from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.client_call import ClientCall
from ai_engine.gateway.exchange import Exchange
from ai_engine.gateway.model_names import AskedModels
from ai_engine.gateway.relayed_call import RelayedCall, RelayedCallInput
from ai_engine.gateway.shared_channel import SharedChannel
from ai_engine.protocols.openai.request import DEFAULT_TENANT
from ai_engine.runs.hub import LiveRun
from vital_shared.errors import BudgetExceeded, InvalidRequest, NotFound, RateLimited, UsageLimited
from vital_shared.llm.base import ModelError
from vital_shared.models.workflow_io import WorkflowMode

__all__ = ["relay_call"]

RUN_HEADER: Final = "X-Vital-Run-Id"
"""The header with the id of the call's run."""

CACHE_HEADER: Final = "X-Vital-Cache"
"""The header that says that an answer was cached."""

SHOWN_ERRORS: Final = (BudgetExceeded, InvalidRequest, NotFound, RateLimited, UsageLimited)
"""Errors that reach the client as they are, and not as those of a run."""


async def relay_call(
    http_request: Request,
    engine: Engine,
    exchange: Exchange,
    asked: AskedModels,
    *,
    user_id: str,
    refuse: Callable[[ModelError], Response],
    cache: CacheRequest | None = None,
    prefers_responses: bool = False,
) -> Response:
    """Ask the models in their order, and answer with the words of the first that answers.

    :param refuse: answers with the error of a model, in the client's protocol.
    :param cache: the client's wish for a cached answer.
    :param prefers_responses: whether providers that offer it are asked as OpenAI's Responses API is.
    :raises VitalError: when the call may not be made, or its run was ended.
    """
    relayed = RelayedCall(
        engine.services,
        exchange,
        asked.models,
        asked.hedge_after_seconds,
        prefers_responses=prefers_responses,
    )
    question = RelayedCallInput(
        query=f"A call of {asked.name or asked.models[0].name}",
        mode=WorkflowMode.MODE_2,
        tenant_id=Caller.of(http_request).tenant_id or DEFAULT_TENANT,
        user_id=user_id,
        model=asked.name,
        enable_rag=False,
        enable_tools=False,
    )
    services = engine.services
    may_cache = services.cache.is_on and not services.guardrails.is_active  # keys differ in what these allow
    if cache is None or not may_cache:
        # The stored request holds no prompt: a repetition would look like any other call of the model.
        run = await begin(http_request, engine, relayed, question, is_repeatable=False)
        call = ClientCall(run, exchange.channel, engine.answers)
        return await _respond(http_request, engine, exchange, call, refuse)
    exchange.channel = channel = SharedChannel()
    found = await find_or_begin(http_request, engine, relayed, question, channel, cache)
    if isinstance(found, RecordedAnswer):
        return _recorded(found, exchange)
    call = ClientCall(found.run, found.channel.follow(), engine.answers, found)
    return await _respond(http_request, engine, exchange, call, refuse)


async def _respond(
    http_request: Request,
    engine: Engine,
    exchange: Exchange,
    call: ClientCall,
    refuse: Callable[[ModelError], Response],
) -> Response:
    """Answer with what comes of a call."""
    run, channel = call.run, call.channel
    with run.reading():
        if exchange.is_streamed:
            await call.with_client(http_request, call.begun())
        if not channel.has_begun or not exchange.is_streamed:
            await call.with_client(http_request, call.concluded())
            await call.finish()
            call.leave()
    if not channel.has_begun:
        return _refusal(run, channel, refuse)
    if not exchange.is_streamed:
        return Response(await channel.frames(), headers=_headers(run), media_type="application/json")
    response = EventStreamResponse(
        call.reading,
        run_id=run.run_id,
        tenant_id=run.tenant_id,
        heartbeat_seconds=engine.settings.heartbeat_seconds,
    )
    response.headers.update(_headers(run))
    return response


def _recorded(found: RecordedAnswer, exchange: Exchange) -> Response:
    headers = {RUN_HEADER: found.output.run_id, CACHE_HEADER: "hit"}
    media_type = STREAM_TYPE if exchange.is_streamed else "application/json"
    return Response(found.body, headers=headers, media_type=media_type)


def _headers(run: LiveRun) -> dict[str, str]:
    return {RUN_HEADER: run.run_id}


def _refusal(run: LiveRun, channel: AnswerChannel, refuse: Callable[[ModelError], Response]) -> Response:
    """Answer a call that has no answer.

    :raises VitalError: the reason, where it is answered as for all requests.
    """
    if isinstance(channel.error, ModelError):
        response = refuse(channel.error)
        response.headers.update(_headers(run))
        return response
    if isinstance(channel.error, SHOWN_ERRORS):
        raise channel.error
    output_of(run)  # raises the reason why the run was ended
    return Response(status_code=HTTPStatus.BAD_GATEWAY, headers=_headers(run))
