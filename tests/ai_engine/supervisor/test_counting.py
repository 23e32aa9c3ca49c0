"""One set of metrics, whichever worker is asked, comes or goes."""

import asyncio
import os
import signal

import pytest
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, counted, is_there, running_engine
from tests.llm.wires.servers import base, openai

RUNS = "vital_workflow_requests_total"


@pytest.mark.thorough
async def test_a_worker_that_is_reported_to_stop_ends_its_run_is_replaced_and_what_it_counted_stays(tmp_path):
    gate = asyncio.Event()
    async with base.serve(openai.stream([*openai.TEXT[:3], gate, *openai.TEXT[3:]])) as upstream:
        (tmp_path / "vital.toml").write_text(SLOW_PROVIDER.format(url=upstream.url))
        async with running_engine(tmp_path, VITAL_SHUTDOWN_SECONDS="60") as engine:
            answered = await engine.ask_each_worker(2)
            scraped = await engine.total(RUNS)
            assert scraped == sum(answered.values())
            run = asyncio.create_task(engine.ask("Slowly, please.", model="slow:model", enable_tools=False))
            await upstream.asked.wait()
            old = {number: engine.pid(number) for number in (1, 2)}
            for pid in old.values():  # one of them has the run
                os.kill(pid, signal.SIGTERM)
            first = await engine.logged("worker ended", code=0)
            gate.set()
            response = await run
            assert (response.status_code, response.json()["status"]) == (200, "completed")
            for number in (1, 2):
                await engine.logged("worker_ready", times=2, worker=number)
            assert first["pid"] in old.values()
            assert not any(is_there(pid) for pid in old.values())
            assert await engine.total(RUNS) == scraped + 1
            assert await engine.total("vital_workflow_active") == 0


async def test_any_worker_states_the_sums_over_all_and_one_that_does_not_answer_is_taken_as_it_last_was(
    tmp_path,
):
    async with running_engine(tmp_path) as engine:
        answered = sum((await engine.ask_each_worker(2)).values())
        for _ in range(4):
            assert await engine.total(RUNS, mode="2") == answered
        pid = engine.pid(1)
        os.kill(pid, signal.SIGSTOP)
        clients = [engine.client() for _ in range(4)]
        try:
            # Some of them may be accepted by the one that is stopped: they wait until it goes on.
            scrapes = [asyncio.create_task(client.get("/metrics")) for client in clients]
            await asyncio.wait(scrapes, return_when=asyncio.FIRST_COMPLETED)
            text = next(scrape for scrape in scrapes if scrape.done()).result().text
        finally:
            os.kill(pid, signal.SIGCONT)
            await asyncio.gather(*scrapes)
            for client in clients:
                await client.aclose()
        assert sum(counted(text, RUNS).values()) == answered
        assert await engine.total(RUNS) == answered
