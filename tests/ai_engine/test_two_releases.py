"""Engines of two releases serve side by side on one Postgres, and take each other's runs over.

The next release is this one with a migration of its own, made as `CONTRIBUTING.md` wants them: so what is tested
is that this release lives with the schema of a later one, wherever the tests run.
"""

from __future__ import annotations

import os
import shutil
import signal
from asyncio.subprocess import Process
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest
from tests.ai_engine.harness import SUM, asked
from tests.ai_engine.processes import running_server
from tests.ai_engine.test_background_recovery import begin, until, until_asked
from tests.chaos.provider import MODEL, running_provider
from tests.redis import redis_of_module
from tests.store_database import PostgresStores

from vital_shared.store.database import Database
from vital_shared.store.migrations import history

__all__ = ["redis_of_module"]

pytestmark = [pytest.mark.thorough, pytest.mark.long]

SOURCE: Final = Path(history.__file__).parents[3]
VERSIONS: Final = "vital_shared/store/migrations/versions"

NEXT: Final = f"{int(history._newest()) + 1:04}"

WIDENED: Final = ("runs", "run_nodes", "run_calls", "background_runs", "ledger", "reservations")
"""Tables that the next release adds a column to."""

MIGRATION: Final = f'''"""Add what the next release needs."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{history._newest()}"


def upgrade() -> None:
    """Expand: nullable columns, one with a default, and a table."""
    for table in {WIDENED!r}:
        op.add_column(table, sa.Column("of_next", sa.Text))
        op.add_column(table, sa.Column("count_of_next", sa.Integer, server_default="0", nullable=False))
    op.create_table("next_release", sa.Column("run_id", sa.Text, primary_key=True))
'''

DECLARATIONS: Final = """

for _table in metadata.tables.values():
    if _table.name in {names!r}:
        _table.append_column(Column("of_next", Text))
"""


@pytest.fixture(scope="module")
def next_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the next release."""
    copy = tmp_path_factory.mktemp("next") / "src"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__", "console", "static"))
    (copy / VERSIONS / f"v{NEXT}_next_release.py").write_text(MIGRATION)
    with (copy / "vital_shared/store/tables.py").open("a") as tables:
        tables.write(DECLARATIONS.format(names=WIDENED))
    return copy


class Rollout:
    """Engines of both releases on one store.

    :param address: the store.
    :param newer: the source of the next release.
    """

    def __init__(self, folder: Path, address: str, redis: str, newer: Path, stack: AsyncExitStack) -> None:
        self._folder = folder
        self._common = {
            "VITAL_DATABASE_URL": address,
            "VITAL_REDIS_URL": redis,
            "VITAL_LEASE_SECONDS": "2",
        }
        self._newer = {"PYTHONPATH": str(newer)}
        self._stack = stack

    async def older(self) -> tuple[Process, httpx.AsyncClient]:
        """Start an engine of this release."""
        return await self._start({})

    async def newer(self) -> tuple[Process, httpx.AsyncClient]:
        """Start one of the next."""
        return await self._start(self._newer)

    async def _start(self, more: dict[str, str]) -> tuple[Process, httpx.AsyncClient]:
        return await self._stack.enter_async_context(running_server(self._folder, **self._common, **more))


async def kill(process: Process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()


async def paused(client: httpx.AsyncClient) -> str:
    body = asked(SUM, mode="1", agent_id="regulatory-expert", model=MODEL, enable_rag=False)
    answer = (await client.post("/v1/runs", json=body)).json()
    assert answer["status"] == "awaiting_approval", answer
    return str(answer["run_id"])


async def approved(client: httpx.AsyncClient, run_id: str) -> str:
    answer = await client.post(f"/v1/runs/{run_id}/approval", json={"approved": "all"})
    return str(answer.json().get("status"))


async def schema(address: str) -> str | None:
    database = Database(address)
    version = await database.read(history.version_of)
    await database.aclose()
    return version


async def test_each_takes_over_and_goes_on_with_the_others_runs(
    tmp_path: Path, databases: PostgresStores, next_release: Path, redis_of_module: str
):
    address = databases.new()
    async with running_provider(seconds=1.0) as provider, AsyncExitStack() as stack:
        engines = Rollout(tmp_path, address, redis_of_module, next_release, stack)
        (tmp_path / "vital.toml").write_text(provider.configuration)
        old_process, old = await engines.older()
        waiting_at_old = await paused(old)
        first = [await begin(old, number) for number in range(2)]
        await until_asked(provider, 2)
        new_process, new = await engines.newer()  # it migrates while the other one works
        assert await schema(address) == NEXT
        assert await approved(old, await paused(new)) == "completed"
        assert await approved(new, waiting_at_old) == "completed"

        asked_before = len(provider.log.calls)
        second = [await begin(old, number) for number in range(2, 4)]
        await until_asked(provider, asked_before + 1)
        await kill(old_process)
        assert set(await until(new, [*first, *second], "completed")) == {"completed"}

        _, old = await engines.older()  # it begins on the schema of the next release
        asked_before = len(provider.log.calls)
        third = [await begin(new, number) for number in range(4, 6)]
        await until_asked(provider, asked_before + 1)
        await kill(new_process)
        assert set(await until(old, third, "completed")) == {"completed"}
        for run_id in (*first, *second, *third):
            charged = (await old.get(f"/v1/runs/{run_id}")).json()["output"]["cost"]
            assert float(charged["total"]) > 0
