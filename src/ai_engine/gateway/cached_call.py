"""Calls whose answers equal requests of a tenant have got, or are getting; for clients that ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request

from ai_engine.api.model_access import check_model
from ai_engine.api.run_requests import begin
from ai_engine.auth.caller import Caller
from ai_engine.engine import Engine
from ai_engine.gateway.answer_cache import RecordedAnswer, SharedCall
from ai_engine.gateway.cache_request import CacheRequest
from ai_engine.gateway.relayed_call import RelayedCall, RelayedCallInput
from ai_engine.gateway.shared_channel import SharedChannel
from ai_engine.request_deadline import deadline_of
from vital_shared.models.model_call import Tokens
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.monitoring.metrics import CACHE_OPERATIONS_TOTAL
from vital_shared.workflows.cached_answer import count_spared
from vital_shared.workflows.workflow_parts import stored_name

__all__ = ["find_or_begin"]

MODE: Final = WorkflowMode.MODE_2
"""The mode of all calls of models."""


async def find_or_begin(
    http_request: Request,
    engine: Engine,
    call: RelayedCall,
    question: RelayedCallInput,
    channel: SharedChannel,
    cache: CacheRequest,
) -> RecordedAnswer | SharedCall:
    """Return the answer that is cached, or the call under way that brings it; begin one where there is none.

    :param channel: the way of the answer, should a call begin.
    :raises Forbidden: when the key may not name the model.
    :raises VitalError: what `begin` raises.
    """
    caller, answers = Caller.of(http_request), engine.answers
    question = caller.in_own_name(question)
    await check_model(engine.services, caller, question)
    key = await _key(http_request, engine, question, call.models, cache)
    async with answers.beginning(key):
        under_way = answers.under_way(key)
        if under_way is not None and (under_way.channel.is_closed or under_way.run.ended.is_set()):
            await under_way.run.concluded()
            answers.keep(under_way)
            under_way = None
        found = answers.find(key, cache.ttl_seconds)
        if found is not None:
            _count(engine, question, "hit", found)
            return found
        if under_way is None:
            _count(engine, question, "miss")
            run = await begin(http_request, engine, call, question, is_repeatable=False)
            under_way = SharedCall(key, cache.ttl_seconds, run, channel)
            answers.begun(under_way)
        under_way.clients += 1
        return under_way


async def _key(
    http_request: Request,
    engine: Engine,
    question: RelayedCallInput,
    models: Sequence[str],
    cache: CacheRequest,
) -> str:
    """Return the key of all that the answer depends on, invalidations of cached answers included."""
    versions = await engine.services.epochs.current(question.tenant_id, MODE, question.agent_id)
    deadline = deadline_of(http_request)  # with less time an answer may be another one
    seconds = None if deadline is None else deadline.seconds
    return repr((question.tenant_id, versions.epoch, question.model, tuple(models), seconds, cache.digest))


def _count(
    engine: Engine, question: RelayedCallInput, operation: str, found: RecordedAnswer | None = None
) -> None:
    CACHE_OPERATIONS_TOTAL.labels(operation, "memory", MODE.value).inc()
    if found is not None:
        spared = {"tenant_id": question.tenant_id, "tokens": Tokens()}
        output = found.output.model_copy(update=spared)
        count_spared(engine.services, found.output, output, stored_name(RelayedCall))
