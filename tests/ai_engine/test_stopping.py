"""The order of events when an engine is stopped behind a load balancer."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

import httpx
import pytest
import yaml
from tests.ai_engine.harness import Serve, Service, SteppedModel, asked
from tests.ai_engine.processes import running_server, start

from ai_engine.settings import ServerSettings
from ai_engine.supervisor.process import STOP_SECONDS

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"


async def leaving(service: Service) -> asyncio.Task[None]:
    """Begin to stop it; returns once it is not ready."""
    stopping = asyncio.create_task(service.stop())
    while not service.engine.readiness.is_leaving:  # noqa: ASYNC110 - seen by its requests alone
        await asyncio.sleep(0.01)
    return stopping


async def test_a_stopped_engine_is_not_ready_at_once_and_begins_runs_while_requests_still_come(
    serve: Serve, model: SteppedModel
) -> None:
    service = await serve([model], settings={"lame_duck_seconds": 3_600, "shutdown_seconds": 3_600})
    stopping = await leaving(service)
    ready = await service.client.get("/readyz")
    assert (ready.status_code, ready.json()["missing"][0]) == (503, "the engine is shutting down")
    answer = await service.ask()
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert (await service.client.get("/healthz")).status_code == 200
    async with service.stream(json=asked(model="stepped")) as events:  # begun after the signal
        await anext(events)
        await model.asked.wait()
        service.engine.hub.drain()  # as at the end of the lame duck
        refused = await service.ask()
        assert (refused.status_code, refused.headers["connection"]) == (503, "close")
        assert "retry-after" in refused.headers
        model.finish()
        assert [event async for event in events][-1]["type"] == "run_finished"
    service.server.stops.add()
    service.server.stops.add()
    await asyncio.wait_for(stopping, 30)


async def test_the_second_request_to_stop_skips_the_lame_duck(serve: Serve) -> None:
    service = await serve(settings={"lame_duck_seconds": 3_600})
    stopping = await leaving(service)
    assert not stopping.done()
    service.server.stops.second.set()
    await asyncio.wait_for(stopping, 30)  # and not an hour
    assert service.engine.hub.active == 0
    with pytest.raises(httpx.ConnectError):
        await service.client.get("/healthz")


async def test_work_that_other_replicas_can_do_ends_at_once(serve: Serve) -> None:
    service = await serve(settings={"lame_duck_seconds": 3_600})
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    service.engine.background_work.take_on(("takeover", work))
    await begun.wait()
    stopping = await leaving(service)
    await asyncio.wait_for(ended.wait(), 30)
    assert not stopping.done()
    service.server.stops.second.set()
    await stopping


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.thorough)])
async def test_a_process_serves_for_its_lame_duck_and_then_ends(tmp_path, workers: str) -> None:
    chosen = {"VITAL_LAME_DUCK_SECONDS": "3", "VITAL_SHUTDOWN_SECONDS": "1", "VITAL_WORKERS": workers}
    async with running_server(tmp_path, **chosen) as (process, client):
        assert (await client.post("/v1/runs", json=asked(model=None))).status_code == 200
        process.send_signal(signal.SIGTERM)
        while (await client.get("/readyz")).status_code == 200:
            pass
        answer = await client.post("/v1/runs", json=asked("Still there?", model=None))
        while "connection" not in answer.headers:  # of a worker that learns of it a moment later
            answer = await client.post("/v1/runs", json=asked("Still there?", model=None))
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert await process.wait() == 0
        try:
            await client.get("/healthz")
        except httpx.ConnectError:
            return
    raise AssertionError("the port is still open")


def test_the_figures_in_the_guide_leave_time_for_all_phases() -> None:
    (written,) = re.findall(r"```yaml\n(spec:\n.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    pod = yaml.safe_load(written)["spec"]
    (container,) = pod["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    lame, drain = (float(variables[f"VITAL_{name}_SECONDS"]) for name in ("LAME_DUCK", "SHUTDOWN"))
    assert pod["terminationGracePeriodSeconds"] >= lame + drain + STOP_SECONDS
    probe = container["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] <= lame
    assert drain == ServerSettings().shutdown_seconds


STOPPED_AT_ONCE = """
import os, signal
from ai_engine.server import serve

serve(on_listening=lambda host, port: os.kill(os.getpid(), signal.{signal}))
"""


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_that_follows_the_address_at_once_stops_it_in_good_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = await start(tmp_path, STOPPED_AT_ONCE.format(signal=number.name))
    _, log = await process.communicate()
    assert process.returncode == 0, log.decode()
    events = [json.loads(line)["event"] for line in log.decode().splitlines()]
    assert events.index("listening") < events.index("shutting_down")
