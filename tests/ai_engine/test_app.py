"""The application opens its parts itself where it is given none, and closes them."""

import asyncio
from datetime import datetime

import httpx
import pytest
from tests.ai_engine.harness import SUM

from ai_engine.app import create_app
from ai_engine.settings import ServerSettings
from vital_shared.errors import StoreError
from vital_shared.testing import workflow_services


async def test_it_opens_and_closes_its_own_services(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path))
    app = create_app(settings=ServerSettings())
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            body = {"query": SUM, "mode": 2, "tenant_id": "acme", "user_id": "ann"}
            answer = await client.post("/v1/runs", json=body)
    assert "425" in answer.json()["response"]
    assert (tmp_path / "vital.db").exists()


async def test_overdue_runs_are_swept_and_a_store_that_is_down_is_tried_again(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ai_engine.background.run_sweep.SWEEP_SECONDS", 0.001)
    tried: list[datetime] = []
    thrice = asyncio.Event()

    async def sweep(_: object, now: datetime) -> None:
        tried.append(now)
        if len(tried) == 3:
            thrice.set()
        raise StoreError("The database is down.")

    async with workflow_services(tmp_path) as services:
        monkeypatch.setattr(type(services.runs), "sweep", sweep)
        app = create_app(services, ServerSettings())
        async with app.router.lifespan_context(app):
            await thrice.wait()
    assert tried == sorted(tried)
