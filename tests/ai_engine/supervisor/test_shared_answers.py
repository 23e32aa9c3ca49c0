"""The cache of several workers, with a real Redis: one call for all who ask the same, and no harm without it."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
from tests.ai_engine.harness import asked
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, running_engine
from tests.llm.wires.servers import base, openai
from tests.redis import running_redis


@pytest.fixture
async def redis(tmp_path):
    async with running_redis(tmp_path) as server:
        yield server


@asynccontextmanager
async def engine_of(redis, upstream, data_dir):
    data_dir.mkdir()
    (data_dir / "vital.toml").write_text(SLOW_PROVIDER.format(url=upstream.url))
    chosen = {"VITAL_CACHE_ENTRIES": "1000", "VITAL_MAX_CONCURRENT_RUNS": "500", "VITAL_REDIS_URL": redis.url}
    async with running_engine(data_dir, **chosen) as engine:
        yield engine


@asynccontextmanager
async def clients(engine):
    """Clients that come with a new connection each time, so that each worker gets its share."""
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    timeout = aiohttp.ClientTimeout(60)
    async with aiohttp.ClientSession(engine.url, connector=connector, timeout=timeout) as session:

        async def ask(query="What is there to say?", **fields):
            body = asked(query, model="slow:model", enable_tools=False, enable_rag=False, **fields)
            async with session.post("/v1/runs", json=body) as response:
                return response.status, await response.json()

        yield ask


@pytest.mark.thorough
async def test_500_equal_questions_over_two_workers_cost_one_call(redis, tmp_path):
    gate = asyncio.Event()
    async with (
        base.serve(openai.stream([*openai.TEXT[:3], gate, *openai.TEXT[3:]])) as upstream,
        engine_of(redis, upstream, tmp_path / "data") as engine,
        clients(engine) as ask,
    ):
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(ask()) for _ in range(500)]
            await until(lambda: engine.total("vital_workflow_active"), 500)
            gate.set()
        answers = [task.result() for task in asking]
        assert [status for status, _ in answers] == [200] * 500
        assert {answer["response"] for _, answer in answers} == {openai.SAID}
        assert len(upstream.requests) == 1
        await engine.logged("request", times=500, path="/v1/runs")
        assert len(engine.requests()) == 2
        assert await engine.total("vital_llm_calls_total", cached="false", model="slow:model") == 1
        assert await engine.total("vital_llm_calls_total", cached="true", model="slow:model") == 499
        assert sorted(answer["cache_status"] for _, answer in answers) == ["hit"] * 499 + ["miss"]


async def until(measure, wanted):
    """Wait until something that other processes count is so much."""
    async with asyncio.timeout(60):
        while await measure() < wanted:  # noqa: ASYNC110 - they have no event
            await asyncio.sleep(0.1)


@pytest.mark.thorough
async def test_no_request_fails_while_redis_is_killed_and_comes_back(redis, tmp_path):
    async with (
        base.serve(openai.stream(openai.TEXT)) as upstream,
        engine_of(redis, upstream, tmp_path / "data") as engine,
        clients(engine) as ask,
    ):
        answers, number = [], 0

        async def load(many):
            """Eight clients; half of the questions are new, half were asked before."""
            nonlocal number
            first, number = number, number + many
            numbers = iter(range(first, first + many))

            async def client():
                for each in numbers:  # as they come: several clients take from it
                    answer = await ask(f"What is there to say of number {each // 2}?")
                    answers.append(answer)

            async with asyncio.TaskGroup() as tasks:
                for _ in range(8):
                    tasks.create_task(client())

        async def operations(operation):
            return await engine.total("vital_cache_operations_total", tier="redis", operation=operation)

        await load(80)
        assert await operations("write") > 0
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load(160))
            await redis.kill()
        assert await operations("bypass") > 0
        await engine.logged("redis_unavailable")
        await redis.start()

        async def writes():
            await load(8)
            return await operations("write")

        await until(writes, await operations("write") + 1)

        async def hits():
            """What one worker has written, the other finds, once one of these gets there."""
            known = f"What is there to say of number {number}?"
            answers.append(await ask(known))
            answers.extend(await asyncio.gather(*(ask(known) for _ in range(20))))
            await load(2)
            return await operations("hit")

        await until(hits, await operations("hit") + 1)
        assert {status for status, _ in answers} == {200}
        assert {answer["response"] for _, answer in answers} == {openai.SAID}
