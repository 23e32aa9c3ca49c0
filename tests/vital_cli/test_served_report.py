"""The report of an engine that `vital serve` has started, with one process and with several."""

from pathlib import Path

import pytest
from tests.ai_engine.processes import VITAL_SERVE, running_server


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_served_engine_makes_reports(tmp_path: Path, workers: str) -> None:
    async with running_server(tmp_path, VITAL_SERVE, VITAL_WORKERS=workers) as (_, client):
        answer = await client.get("/v1/report", params={"period": "week"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["period"]["name"] == "week"
