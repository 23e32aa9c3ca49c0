"""Answers that are thrown away are not found by anybody, in any process."""

import pytest

from vital_shared import BaseWorkflow, Settings
from vital_shared.cache.clearing import clear
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.testing import CannedModel, CannedSource, counted, passage, question
from vital_shared.workflows.services import Services


@pytest.fixture
async def processes(tmp_path):
    """Two processes with one database."""
    opened = []
    for _ in range(2):
        source = CannedSource([passage("The review takes 90 days.")])
        settings = Settings(data_dir=tmp_path, cache_entries=100)
        opened.append(
            await Services.open(settings, models=[CannedModel("It takes 90 days [1].")], sources=[source])
        )
    yield opened
    for services in opened:
        await services.aclose()


async def status(services, tenant_id="acme", mode="2"):
    asked = question("How long?", model="canned", tenant_id=tenant_id, mode=mode, enable_tools=False)
    return (await BaseWorkflow(services).execute_typed(asked)).cache_status


@pytest.mark.parametrize(
    ("scope", "gone"),
    [
        ({}, {("acme", "1"), ("acme", "2"), ("globex", "1"), ("globex", "2")}),
        ({"tenant_id": "acme"}, {("acme", "1"), ("acme", "2")}),
        ({"mode": WorkflowMode.MODE_1}, {("acme", "1"), ("globex", "1")}),
        ({"tenant_id": "acme", "mode": WorkflowMode.MODE_2}, {("acme", "2")}),
        ({"agent_id": "generalist", "tenant_id": "globex"}, {("globex", "1"), ("globex", "2")}),
        ({"agent_id": "nobody"}, set()),
    ],
)
async def test_what_is_thrown_away_no_process_finds(processes, scope, gone):
    cases = [(tenant, mode) for tenant in ("acme", "globex") for mode in ("1", "2")]
    for services in processes:
        for case in cases:
            await status(services, *case)
            assert await status(services, *case) == "hit"
    with counted() as growth:
        assert await clear(processes[0].cache, processes[0].epochs, **scope) == (len(gone), True)
    assert growth("vital_cache_operations_total", operation="invalidate", tier="memory") == len(gone)
    for services in processes:
        for case in cases:
            assert await status(services, *case) == ("miss" if case in gone else "hit"), case
