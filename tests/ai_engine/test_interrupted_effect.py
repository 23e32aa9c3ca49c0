"""An engine that is killed in the middle of an effect: the next one asks, over HTTP, whether it happened."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.ai_engine.processes import running_server
from tests.store_database import stored

WORKFLOW = Path(__file__).with_name("effect_workflow.py")
QUESTION = {"query": "bees", "mode": "2", "tenant_id": "acme", "user_id": "ann"}
SECONDS = 30


def sent(folder: Path) -> list[str]:
    path = folder / "sent.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


async def until_paused(client: httpx.AsyncClient, run_id: str) -> dict[str, Any]:
    async with asyncio.timeout(SECONDS):
        while True:
            view: dict[str, Any] = (await client.get(f"/v1/runs/{run_id}")).json()
            if view["status"] != "running":
                return view
            await asyncio.sleep(0.05)


async def asked(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.TransportError):
        await client.post("/v1/workflows/mailing/runs", json=QUESTION)


async def test_the_next_engine_asks_and_goes_on_as_is_decided(tmp_path: Path) -> None:
    environment = {"VITAL_WORKFLOW": f"mailing={WORKFLOW}:Mailing", "EFFECT_FOLDER": str(tmp_path)}
    async with running_server(tmp_path, **environment) as (process, client):
        asking = asyncio.create_task(asked(client))
        async with asyncio.timeout(SECONDS):
            while not sent(tmp_path):  # noqa: ASYNC110 - another process makes it true
                await asyncio.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        await asking
    ((run_id,),) = stored(tmp_path, "SELECT id FROM runs")
    async with running_server(tmp_path, **environment) as (_, client):
        view = await until_paused(client, run_id)
        assert view["status"] == "awaiting_approval"
        (required,) = view["output"]["required_input"]
        assert required["name"] == "receipt"
        assert sent(tmp_path) == ["bees"]

        path = f"/v1/runs/{run_id}/resume"
        refused = await client.post(path, json={"answers": {"receipt": 7}})
        assert refused.status_code == 422
        (tmp_path / "go").touch()
        answer = await client.post(path, json={"answers": {"receipt": {"decision": "repeat"}}})
    assert answer.json()["response"] == "Receipt 2"
    assert sent(tmp_path) == ["bees", "bees"]
    assert stored(tmp_path, "SELECT count(*) FROM run_calls") == [(0,)]
