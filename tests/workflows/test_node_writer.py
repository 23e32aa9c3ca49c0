"""A durable run's finished nodes are stored once the store takes them, not only with the next one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from vital_shared import Workflow, node
from vital_shared.errors import StoreError
from vital_shared.store.durable_tables import run_nodes
from vital_shared.testing import question, workflow_services
from vital_shared.workflows import node_writer


class Waiting(Workflow):
    """A node that does something, and one after it that waits for long."""

    durable = "nodes"

    may_end = asyncio.Event()

    @node(effects=True)
    async def mailed(self, query: str) -> str:
        return query

    @node
    async def answer(self, mailed: str) -> str:
        await self.may_end.wait()
        return mailed


async def test_a_node_is_stored_as_soon_as_the_store_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_writer, "RETRY_SECONDS", 0.01)
    Waiting.may_end = asyncio.Event()
    async with workflow_services(tmp_path) as services:
        note, refusals, taken = services.runs.note_nodes, [StoreError("away")] * 2, asyncio.Event()

        async def refusing(*arguments: Any, **options: Any) -> bool:
            if refusals:
                raise refusals.pop()
            is_own = await note(*arguments, **options)
            taken.set()
            return is_own

        monkeypatch.setattr(services.runs, "note_nodes", refusing)
        running = asyncio.create_task(Waiting(services).execute_typed(question("Send it.")))
        async with asyncio.timeout(10):
            await taken.wait()
        async with services.database.connect() as connection:
            assert (await connection.scalars(select(run_nodes.c.node))).all() == ["mailed"]
        Waiting.may_end.set()
        assert (await running).response == "Send it."
