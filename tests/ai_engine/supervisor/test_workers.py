"""The engine with several workers: how they start and stop."""

import asyncio
import os
import signal

import pytest
from tests.ai_engine.processes import start
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, running_engine
from tests.llm.wires.servers import base, openai


async def test_workers_end_when_their_supervisor_is_killed(tmp_path):
    async with running_engine(tmp_path) as engine:
        engine.process.kill()
        assert await engine.process.wait() == -signal.SIGKILL
        await engine.logged("the end")  # nobody holds the log open any more
        assert engine.log[-1]["event"] == "the end"


@pytest.mark.thorough
async def test_ctrl_c_stops_all_in_good_order_and_cancels_their_runs(tmp_path):
    async with base.serve(openai.stream([*openai.TEXT[:3], asyncio.Event()])) as upstream:
        (tmp_path / "vital.toml").write_text(SLOW_PROVIDER.format(url=upstream.url))
        async with running_engine(tmp_path) as engine:
            run = asyncio.create_task(engine.ask("Slowly, please.", model="slow:model", enable_tools=False))
            await upstream.asked.wait()
            engine.process.send_signal(signal.SIGINT)
            assert await engine.process.wait() == 0
            response = await run
            assert (response.status_code, response.headers["retry-after"]) == (503, "1")
            for worker in (1, 2):
                await engine.logged("worker ended", worker=worker, code=0)


@pytest.mark.thorough
async def test_workers_that_cannot_start_end_the_engine_in_one_sentence(tmp_path):
    process = await start(
        tmp_path, VITAL_WORKERS="2", VITAL_REDIS_URL="redis://127.0.0.1:1/0", VITAL_MODEL="nobody:nothing"
    )
    _, log = await process.communicate()
    assert process.returncode != 0
    assert "ConfigurationError: The workers cannot start: " in log.decode()


async def test_a_configuration_that_cannot_be_read_ends_the_engine_before_there_are_workers(tmp_path):
    (tmp_path / "vital.toml").write_text("[providers.x")
    process = await start(tmp_path, VITAL_WORKERS="2", VITAL_REDIS_URL="redis://127.0.0.1:1/0")
    _, log = await process.communicate()
    assert process.returncode != 0
    *_, last = log.decode().splitlines()
    assert "ConfigurationError: The configuration" in last
    assert "worker" not in last


@pytest.mark.thorough
async def test_a_frozen_worker_is_replaced_and_counted(tmp_path):
    async with running_engine(tmp_path, VITAL_HANG_SECONDS="1") as engine:
        frozen = engine.pid(1)
        os.kill(frozen, signal.SIGSTOP)
        await engine.logged("worker_hung", worker=1, pid=frozen)
        await engine.logged("worker_ready", worker=1, times=2)
        assert engine.pid(1) != frozen
        assert (await engine.ask()).status_code == 200
        assert await engine.total("vital_worker_restarts_total", cause="hung") == 1
        os.kill(engine.pid(2), signal.SIGKILL)
        await engine.logged("worker_ready", worker=2, times=2)
        assert await engine.total("vital_worker_restarts_total", cause="killed") == 1
