"""Workers get equal shares of connections, few or many at once, and none waits for a frozen worker."""

import asyncio
import os
import signal
from collections import Counter

import pytest
from tests.ai_engine.supervisor.engine import running_engine

pytestmark = pytest.mark.long

CONNECTIONS = 60
WORKERS = 3
LEAST_SHARE = CONNECTIONS // WORKERS * 2 // 3


async def shares(engine, clients):
    """Send a request over each client's own connection, and count the workers that answer."""
    answers = await asyncio.gather(*(client.get("/v1/agents") for client in clients))
    counts = Counter()
    for answer in answers:
        line = await engine.logged("request", request_id=answer.headers["x-request-id"])
        counts[line["worker"]] += 1
    return counts


@pytest.mark.thorough
async def test_connections_that_come_at_once_and_stay_are_shared(tmp_path, aexit):
    async with running_engine(tmp_path, workers=WORKERS) as engine:
        for worker in range(1, WORKERS + 1):
            await engine.logged("worker_ready", worker=worker)
        clients = [await aexit.enter_async_context(engine.client()) for _ in range(CONNECTIONS)]
        counts = await shares(engine, clients)
        assert len(counts) == WORKERS
        assert min(counts.values()) >= LEAST_SHARE, counts
        await aexit.aclose()  # idle connections would hold up the end


@pytest.mark.thorough
async def test_short_connections_one_after_the_other_are_shared(tmp_path):
    async with running_engine(tmp_path, workers=WORKERS) as engine:
        counts = Counter()
        for _ in range(CONNECTIONS):
            async with engine.client() as client:
                counts += await shares(engine, [client])
        assert len(counts) == WORKERS
        assert min(counts.values()) >= LEAST_SHARE, counts


@pytest.mark.thorough
async def test_connections_of_a_frozen_worker_go_to_the_others(tmp_path):
    async with running_engine(tmp_path, workers=2) as engine:
        frozen = engine.pid(1)
        os.kill(frozen, signal.SIGSTOP)
        try:
            counts = Counter()
            for _ in range(10):
                async with engine.client() as client:
                    counts += await shares(engine, [client])
            assert counts == {2: 10}
        finally:
            os.kill(frozen, signal.SIGCONT)
