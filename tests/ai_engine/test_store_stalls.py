"""A store that stalls costs the clients time, and no run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.ai_engine.harness import Serve, Service, asked
from tests.store_database import locked_store

GRACE = {"grace_seconds": 0.05}
LONGER_THAN_THE_GRACE_SECONDS = 2.5
"""More than two ticks, at which unread runs are cancelled."""


@asynccontextmanager
async def stalled(data_dir: Path) -> AsyncIterator[None]:
    """Hold the write lock for longer than the grace time, after the body."""
    async with locked_store(data_dir):
        yield
        await asyncio.sleep(LONGER_THAN_THE_GRACE_SECONDS)


async def test_a_client_that_waits_for_a_run_to_begin_is_its_reader(serve: Serve, tmp_path: Path) -> None:
    service = await serve([], settings=GRACE)
    async with stalled(tmp_path):
        whole = asyncio.create_task(service.ask())
        streamed = asyncio.create_task(service.events(json=asked()))
        chat = asyncio.create_task(_chat(service, stream=True))
    assert (await whole).status_code == 200
    assert (await streamed)[-1]["type"] == "run_finished"
    assert "42 days" in (await chat).text


async def test_a_client_that_leaves_before_its_run_has_begun_is_no_reader(
    serve: Serve, tmp_path: Path
) -> None:
    service = await serve([], settings=GRACE)
    await service.ask("Is it warm?")  # the names of its labels are stored before the run is
    service.engine.hub._runs.clear()
    async with stalled(tmp_path):
        waiting = asyncio.create_task(service.ask())
        while not service.engine.hub._runs:  # noqa: ASYNC110 - nothing is logged or sent yet
            await asyncio.sleep(0.01)
        (run,) = service.engine.hub._runs.values()
        waiting.cancel()
    await run.ended.wait()
    record = await service.services.runs.get(run.run_id, tenant_id=None)
    assert (record.status, record.error_type) == ("cancelled", "client_gone")


async def _chat(service: Service, **fields: Any) -> Any:
    body = {
        "model": "mode-2/generalist",
        "user": "ann",
        "messages": [{"role": "user", "content": "How long?"}],
    }
    headers = {"X-Tenant-ID": "acme"}
    return await service.client.post("/v1/chat/completions", json=body | fields, headers=headers)
