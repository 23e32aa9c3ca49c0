"""Metrics that have to be sampled: the lag of the event loop, and the connections in use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from ai_engine.background.loop_watch import LoopWatch
from vital_shared.monitoring.metrics import (
    CONNECTION_POOL_IN_USE,
    CONNECTION_POOL_SIZE,
    EVENT_LOOP_LAG_SECONDS,
    LLM_BREAKER_OPEN,
    MODEL,
    RAG_BREAKER_OPEN,
)
from vital_shared.workflows.services import Services

__all__ = ["sample"]

SAMPLE_INTERVAL_SECONDS: Final = 0.25


async def sample(services: Services) -> None:
    """Look again and again, until cancelled."""
    with LoopWatch() as watch:
        await _sample(services, watch)


async def _sample(services: Services, watch: LoopWatch) -> None:
    loop, lag = asyncio.get_running_loop(), EVENT_LOOP_LAG_SECONDS.labels()
    left_alone: frozenset[str] = frozenset()
    while True:
        for pool, size, in_use in _pools(services):
            CONNECTION_POOL_SIZE.labels(pool).set(size)
            CONNECTION_POOL_IN_USE.labels(pool).set(in_use)
        left_alone = _show_breakers(services.breakers.left_alone, left_alone)
        for collection in services.collections:
            is_open = collection.name in services.source_breakers.left_alone
            RAG_BREAKER_OPEN.labels(collection.name).set(is_open)
        due = loop.time() + SAMPLE_INTERVAL_SECONDS
        await asyncio.sleep(SAMPLE_INTERVAL_SECONDS)
        lag.observe(max(0.0, loop.time() - due))
        watch.beat()


def _show_breakers(left_alone: frozenset[str], before: frozenset[str]) -> frozenset[str]:
    """Show which models with a name are left alone; return them, to be closed when they are no longer."""
    named = frozenset(model for model in left_alone if model in MODEL)
    for model in named | before:
        if model in MODEL:
            LLM_BREAKER_OPEN.labels(model).set(model in named)
    return named


def _pools(services: Services) -> Iterator[tuple[str, int, int]]:
    """Name each pool, with how many connections it may have, and how many are in use."""
    yield "db", *services.database.connections
    apis = services.public.apis
    yield "http", sum(api.connections for api in apis), sum(api.in_use for api in apis)
    sources = [collection.connections for collection in services.collections]
    yield "sources", sum(size for size, _ in sources), sum(in_use for _, in_use in sources)
    opened = services.models.providers.opened if services.models.providers else ()
    if (redis := services.cache.redis) is not None:
        yield "redis", redis.connections, redis.in_use
    yield "llm", sum(provider.connections for provider in opened), sum(provider.in_use for provider in opened)
