"""The dashboards of an engine that `vital serve` has started, with one process and with several."""

import asyncio
import time
from pathlib import Path

import pytest
from tests.ai_engine.processes import VITAL_SERVE, running_server

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards

PANEL = {board.uid: board for board in boards(DEFAULT_CONFIG)}["vital-health"].panel("build").id


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_served_engine_shows_dashboards_of_all_its_workers(tmp_path: Path, workers: str) -> None:
    async with running_server(tmp_path, VITAL_SERVE, VITAL_WORKERS=workers) as (_, client):
        async with asyncio.timeout(30):
            processes = 0.0
            while processes == 0:  # until the first sample
                now = time.time()
                window = {"from": now - 60, "to": now, "step": 10}
                path = f"/v1/dashboards/vital-health/panels/{PANEL}/data"
                answer = await client.get(path, params=window)
                assert answer.status_code == 200, answer.text
                processes = sum(each["values"][0] or 0 for each in answer.json()["series"])
                await asyncio.sleep(0.2)
        assert processes == 1
