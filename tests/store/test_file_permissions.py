"""The file of a SQLite store holds questions and answers: its owner alone may read it."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from vital_shared.store.database import Database

pytestmark = pytest.mark.usefixtures("migrated")


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@asynccontextmanager
async def opened_store(path: Path) -> AsyncIterator[None]:
    database = Database(f"sqlite+aiosqlite:///{path}")
    await database.migrate()
    try:
        await database.ping()
        yield
    finally:
        await database.aclose()


async def test_a_new_store_and_its_log_are_readable_by_their_owner_alone(tmp_path: Path):
    async with opened_store(tmp_path / "vital.db"):
        found = modes(tmp_path)
    assert found["vital.db"] == found["vital.db-wal"] == 0o600


async def test_permissions_that_somebody_has_chosen_stay(tmp_path: Path):
    async with opened_store(tmp_path / "vital.db"):
        pass
    (tmp_path / "vital.db").chmod(0o640)
    async with opened_store(tmp_path / "vital.db"):
        assert modes(tmp_path)["vital.db"] == 0o640


async def test_a_store_that_everybody_may_read_stays_as_it_is_and_is_warned_of(tmp_path: Path):
    async with opened_store(tmp_path / "vital.db"):
        pass
    for mode, warnings in ((0o644, ["store_readable_by_everybody"]), (0o640, [])):
        (tmp_path / "vital.db").chmod(mode)
        with capture_logs() as logs:
            async with opened_store(tmp_path / "vital.db"):
                assert modes(tmp_path)["vital.db"] == mode
        assert [log["event"] for log in logs] == warnings
