"""Traffic asks at its pace, counts its answers, and stops at once."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from vital_ops.drill.traffic import Traffic


class Engine:
    """Answers 200, 500 and not at all, in turn."""

    def __init__(self) -> None:
        self.bodies: list[dict] = []
        self.third = asyncio.Event()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        if len(self.bodies) == 3:
            self.third.set()
            await asyncio.Event().wait()
        return web.Response(status=200 if len(self.bodies) == 1 else 500)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine()
    app = web.Application()
    app.router.add_post("/v1/runs", engine.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    engine.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield engine
    await runner.cleanup()


async def test_each_question_has_its_number_and_each_answer_is_counted(engine):
    async with aiohttp.ClientSession() as client:
        traffic = Traffic(client, engine.url)
        running = asyncio.create_task(traffic.run(lambda number: {"query": f"q{number}"}, per_second=20))
        await engine.third.wait()
        assert [body["query"] for body in engine.bodies[:3]] == ["q0", "q1", "q2"]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert (traffic.answers[200], traffic.answers[500] >= 1) == (1, True)


async def test_an_engine_that_is_gone_is_counted_and_asked_again():
    async with aiohttp.ClientSession() as client:
        traffic = Traffic(client, "http://127.0.0.1:9")
        running = asyncio.create_task(traffic.run(lambda number: {}, per_second=1000))
        async with asyncio.timeout(60):
            while traffic.answers[0] < 3:  # noqa: ASYNC110 - it has no event to wait for
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait({running})
