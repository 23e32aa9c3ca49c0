"""A short torture: a failing provider, a killed worker and a locked database, under load."""

import asyncio

import pytest
from tests.torture.faults import NoFault, SqliteLocked, WorkerKilled
from tests.torture.provider import running_provider
from tests.torture.torture import Load, torture


@pytest.mark.thorough
async def test_what_an_engine_promises_it_keeps_while_everything_around_it_fails(tmp_path):
    faults = [NoFault(), WorkerKilled, SqliteLocked(tmp_path / "vital.db", 3.0)]
    async with asyncio.timeout(110), running_provider(1.0) as provider:
        report = await torture(tmp_path, provider, faults, Load(neighbours=16, odd=8))
    assert [each for each in report.promises() if not each.holds] == []
