"""A replica that is stopped hands over what has not ended in its time; the others lose nothing for it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.ai_engine.harness import sse
from tests.llm.wires.servers import openai
from tests.replicas.replicas import Replicas, asked, running_replicas

from vital_shared.retrieval.weights import install
from vital_shared.settings import Settings

pytestmark = pytest.mark.long

LEAVING = {
    "VITAL_WORKFLOW": "tests.replicas.flows:DurableAnswers",
    "VITAL_LAME_DUCK_SECONDS": "1",
    "VITAL_SHUTDOWN_SECONDS": "1",
}


@pytest.fixture
async def leaving(tmp_path) -> AsyncIterator[Replicas]:
    models = Settings().models_path
    install(models)
    async with running_replicas(tmp_path, models, LEAVING) as running:
        yield running


async def read_on(replicas: Replicas, run_id: str, seen: list[dict[str, object]]) -> None:
    """Follow a run at the other replicas, as a client that connects again does, until its end."""
    async with asyncio.timeout(40):
        while not seen or seen[-1]["type"] != "run_finished":
            for replica in (1, 2):
                path = f"/v1/runs/{run_id}/events"
                headers = {"Accept": "text/event-stream", "Last-Event-ID": str(len(seen))}
                shown = await replicas.clients[replica].get(f"/v1/runs/{run_id}")
                assert shown.json()["status"] in ("running", "completed"), shown.text
                async with replicas.clients[replica].stream("GET", path, headers=headers) as response:
                    if response.status_code == 200:
                        seen += [event async for event in sse(response)]
            await asyncio.sleep(0.1)


async def test_a_stopped_replica_is_not_ready_drains_and_hands_its_runs_over(leaving: Replicas) -> None:
    tenant = leaving.tenant()
    process = leaving.stack.replicas[0]
    short = asyncio.create_task(leaving.ask(0, "What of held-short?", tenant_id=tenant))
    await leaving.provider.asked["held-short"].wait()
    seen: list[dict[str, object]] = []
    async with leaving.events(0, json=asked("What of held-long?", tenant_id=tenant)) as events:
        async for event in events:
            seen.append(event)
            if event["type"] == "token":
                break
        run_id = str(seen[0]["run_id"])
        os.kill(process.pid, signal.SIGTERM)
        while await process.is_ready():
            pass
        late = await leaving.ask(0, "Is there still time?", tenant_id=tenant)  # in the lame duck
        assert (late.status_code, late.headers["connection"]) == (200, "close")
        leaving.provider.gates["held-short"].set()
        assert (await short).status_code == 200  # it ends in its own time
        seen += [event async for event in events]  # to the end of the process's part
    assert seen[-1]["type"] not in ("run_finished", "run_failed")  # it goes on elsewhere
    leaving.provider.gates["held-long"].set()
    await read_on(leaving, run_id, seen)
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    text = ""
    for event in seen:
        text = "" if event["type"] == "superseded" else text
        text += str(event["text"]) if event["type"] == "token" else ""
    assert text == openai.SAID
    shown = [(await client.get(f"/v1/runs/{run_id}")).json() for client in leaving.clients[1:]]
    assert [each["status"] for each in shown] == ["completed"] * 2
    await process.stop()
    with pytest.raises(httpx.ConnectError):
        await leaving.clients[0].get("/healthz")
