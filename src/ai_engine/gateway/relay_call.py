"""Pass a call on as a run, and its answer to the client as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ai_engine.api.run_requests import begin, output_of
from ai_engine.api.streams import EventStreamResponse, until_disconnected
from ai_engine.engine import Engine
from ai_engine.gateway.channel import AnswerChannel
from ai_engine.gateway.exchange import Exchange
from ai_engine.gateway.model_names import AskedModels
from ai_engine.gateway.relayed_call import RelayedCall, RelayedCallInput
from ai_engine.runs.hub import LiveRun
from vital_shared.errors import BudgetExceeded, InvalidRequest, NotFound, RateLimited
from vital_shared.llm.base import ModelError
from vital_shared.models.workflow_io import WorkflowMode

__all__ = ["relay_call"]

RUN_HEADER: Final = "X-Vital-Run-Id"
"""The header with the id of the call's run."""

SHOWN_ERRORS: Final = (BudgetExceeded, InvalidRequest, NotFound, RateLimited)
"""Errors that reach the client as they are, and not as those of a run."""


async def relay_call(
    http_request: Request,
    engine: Engine,
    exchange: Exchange,
    asked: AskedModels,
    *,
    tenant_id: str,
    user_id: str,
    refuse: Callable[[ModelError], Response],
) -> Response:
    """Ask the models in their order, and answer with the words of the first that answers.

    :param refuse: answers with the error of a model, in the client's protocol.
    :raises VitalError: when the call may not be made, or its run was ended.
    """
    call = RelayedCall(engine.services, exchange, asked.models)
    question = RelayedCallInput(
        query=f"A call of {asked.name or asked.models[0].name}",
        mode=WorkflowMode.MODE_2,
        tenant_id=tenant_id,
        user_id=user_id,
        model=asked.name,
        enable_rag=False,
        enable_tools=False,
    )
    # The stored request holds no prompt, so that a repetition could not be told from another call.
    run = await begin(http_request, engine, call, question, is_repeatable=False)
    channel = exchange.channel
    with run.reading():
        await _with_client(http_request, run, _until_begun(run, channel))
        if not channel.has_begun:
            await _with_client(http_request, run, run.concluded())
            return _refusal(run, channel, refuse)
        if not exchange.is_streamed:
            await _with_client(http_request, run, run.concluded())
            return Response(await channel.frames(), headers=_headers(run), media_type="application/json")
    response = EventStreamResponse(
        partial(_reading, run, channel),
        run_id=run.run_id,
        tenant_id=tenant_id,
        heartbeat_seconds=engine.settings.heartbeat_seconds,
    )
    response.headers.update(_headers(run))
    return response


def _headers(run: LiveRun) -> dict[str, str]:
    return {RUN_HEADER: run.run_id}


@asynccontextmanager
async def _reading(run: LiveRun, channel: AnswerChannel) -> AsyncIterator[AnswerChannel]:
    """Read an answer; where its client goes before the end, the call ends, and with it the provider's."""
    with run.reading():
        try:
            yield channel
        except BaseException:
            run.cancel("client_gone")
            raise


async def _with_client(http_request: Request, run: LiveRun, waiting: Awaitable[object]) -> None:
    """Wait as long as the client is there; without it the call is cancelled."""

    async def leave_with_client() -> None:
        await until_disconnected(http_request.receive)
        run.cancel("client_gone")

    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(leave_with_client())
        await waiting
        leaving.cancel()


async def _until_begun(run: LiveRun, channel: AnswerChannel) -> None:
    """Wait for the first frame, or the end of a run without one: its node may never have begun."""

    async def close_with_run() -> None:
        await run.concluded()
        channel.close()

    async with asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(close_with_run())
        await channel.begun()
        closing.cancel()


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
