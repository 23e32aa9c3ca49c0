"""The engine of these tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.llm.wires.servers.base import serve
from tests.workflows.self_llm.harness import CONFIGURATION, Engine

from vital_shared.testing import workflow_services


@pytest.fixture
def engine(tmp_path):
    @asynccontextmanager
    async def opened(*replies, **given) -> AsyncIterator[Engine]:
        async with serve(*replies) as server:
            path = tmp_path / "vital.toml"
            path.write_text(CONFIGURATION.format(url=server.url))
            settings = {"model": "mine:m", "config": path} | given
            async with workflow_services(tmp_path, **settings) as services:
                yield Engine(services, server)

    return opened
