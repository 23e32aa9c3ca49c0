"""A connection whose opening is cancelled leaves no session at the server, whenever that is."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from itertools import count
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url
from tests.postgres_server import PostgresServer

from vital_shared.store.database import Database

PATIENCE_SECONDS = 10.0

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'cancelled'"


@types.coroutine
def cancelled_at(step: int, work: Coroutine[Any, Any, None], *, is_ready: bool) -> Generator[Any, Any, bool]:
    """Cancel this task as it waits for the nth time, and return whether it waited as often.

    :param is_ready: what it waits for is done by then, and the task is about to go on.
    """
    task = asyncio.current_task()
    assert task is not None
    waits = work.__await__()
    thrown: BaseException | None = None
    for number in count():
        try:
            future = waits.throw(thrown) if thrown else waits.send(None)
        except StopIteration:
            return number > step
        except asyncio.CancelledError:
            return True
        thrown = None
        if number == step and is_ready:
            future.add_done_callback(lambda _: task.cancel())  # before the task itself is woken
        elif number == step:
            task.cancel()
        try:
            yield future
        except asyncio.CancelledError as error:  # it is the work's to handle
            thrown = error
    raise AssertionError


@pytest.fixture
def address(postgres: PostgresServer) -> str:
    postgres.psql("DROP DATABASE IF EXISTS cancelled; CREATE DATABASE cancelled;")
    url = make_url(postgres.get_uri()).set(drivername="postgresql+asyncpg", database="cancelled")
    return url.render_as_string(hide_password=False)


async def until_none(watching: asyncpg.Connection) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await watching.fetchval(SESSIONS):  # noqa: ASYNC110 - Postgres has no event for it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("is_ready", [False, True])
async def test_at_every_point(address: str, postgres: PostgresServer, is_ready: bool) -> None:
    watching = await asyncpg.connect(postgres.get_uri())
    try:
        for step in count():
            database = Database(address)
            was_cancelled = await cancelled_at(step, database.ping(), is_ready=is_ready)
            await database.aclose()
            await until_none(watching)
            if not was_cancelled:
                break
    finally:
        await watching.close()
    assert step > 5
