"""A store that takes no write for 20 seconds in the middle of requests: nothing is lost, and nothing doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Final

import httpx
import pytest
from sqlalchemy import select
from tests.ai_engine.harness import Serve, Service, asked
from tests.store_database import halted_store

from vital_shared.store.account_tables import ledger
from vital_shared.testing import CannedModel

pytestmark = pytest.mark.long

STALL_SECONDS: Final = 20.0
AT_WORK: Final = 4
"""Requests whose model answers while the store stands still."""

MORE: Final = 8
"""Requests that come while the store stands still."""


async def test_every_answer_is_kept_and_every_call_has_one_row(
    serve: Serve, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    gate = asyncio.Event()
    model = CannedModel("It takes 42 days [1].", name="paid", gate=gate)
    service = await serve([model])
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(ask(service, number)) for number in range(AT_WORK)]
        async with asyncio.timeout(30):
            while len(model.requests) < AT_WORK:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(0.01)
        async with halted_store(tmp_path, request):
            gate.set()
            for number in range(AT_WORK, AT_WORK + MORE):
                asking.append(tasks.create_task(ask(service, number)))
                await asyncio.sleep(STALL_SECONDS / MORE)
    assert [task.result().status_code for task in asking] == [200] * (AT_WORK + MORE)
    answers = [task.result().json() for task in asking]
    assert not any("save_failed" in answer["degradation_reasons"] for answer in answers)
    for answer in answers:
        kept = (await service.client.get(f"/v1/runs/{answer['run_id']}")).json()
        assert (kept["status"], kept["output"]["response"]) == ("completed", answer["response"])
    assert len(model.requests) == AT_WORK + MORE
    assert await calls_in_ledger(service) == Counter(answer["run_id"] for answer in answers)


async def ask(service: Service, number: int) -> httpx.Response:
    return await service.client.post(
        "/v1/runs", json=asked(f"How long is {number}?", model="paid"), timeout=90
    )


async def calls_in_ledger(service: Service) -> Counter[str]:
    """Count the calls of each run that the ledger has."""
    async with service.services.database.connect() as connection:
        return Counter(await connection.scalars(select(ledger.c.run_id).where(ledger.c.cost_type == "llm")))
