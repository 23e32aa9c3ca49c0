"""Writes that share transactions, and nothing else."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest
from sqlalchemy import Connection, insert, select

from vital_shared.errors import StoreError
from vital_shared.monitoring.metrics import STORE_CALLBACK_FAILURES_TOTAL
from vital_shared.store.account_tables import spending
from vital_shared.store.database import Database
from vital_shared.store.group_commit import GroupCommit


class Counting(GroupCommit):
    """Counts its transactions; the first waits until it may begin, so that the others gather."""

    def __init__(self, database: Database) -> None:
        self.begun = 0
        self.may_begin = asyncio.Event()
        self.broken: Exception | None = None
        self.database = database
        super().__init__(self.transact)

    async def transact(self, work):
        self.begun += 1
        await self.may_begin.wait()
        if self.broken:
            raise self.broken
        return await self.database._transact(work)


@pytest.fixture
def commits(database: Database) -> Counting:
    return Counting(database)


def spend(tenant: str, period: str = "2026"):
    def job(connection: Connection) -> str:
        connection.execute(insert(spending).values(tenant_id=tenant, period=period, cost_nanos=1))
        return tenant

    return job


async def stored(database: Database) -> set[str]:
    async with database.connect() as connection:
        return set((await connection.execute(select(spending.c.tenant_id))).scalars())


async def test_those_who_wait_share_a_transaction(commits: Counting, database: Database):
    queued = [commits.put(spend(f"t{number}")) for number in range(20)]
    await asyncio.sleep(0)
    queued += [commits.put(spend(f"later{number}")) for number in range(20)]
    commits.may_begin.set()
    names = await asyncio.gather(*queued)
    assert commits.begun == 2
    assert set(names) == await stored(database)
    assert len(names) == 40


async def test_one_that_fails_takes_nobody_along(commits: Counting, database: Database):
    queued = [commits.put(spend(tenant)) for tenant in ("a", "b", "a", "c")]
    commits.may_begin.set()
    first, second, again, third = await asyncio.gather(*queued, return_exceptions=True)
    assert (first, second, third) == ("a", "b", "c")
    assert isinstance(again, StoreError)
    assert await stored(database) == {"a", "b", "c"}


async def test_a_database_that_is_gone_is_asked_once_for_all(commits: Counting):
    commits.broken = StoreError("gone")
    queued = [commits.put(spend(f"t{number}")) for number in range(50)]
    commits.may_begin.set()
    reported = await asyncio.gather(*queued, return_exceptions=True)
    assert [str(error) for error in reported] == ["gone"] * 50
    assert commits.begun == 1


async def test_who_has_gone_before_its_turn_writes_nothing(commits: Counting, database: Database):
    first, gone = commits.put(spend("first")), commits.put(spend("gone"))
    gone.cancel()
    commits.may_begin.set()
    await first
    await commits.aclose()
    assert await stored(database) == {"first"}


async def test_what_has_to_be_done_is_done_though_nobody_waits(commits: Counting, database: Database):
    results: list[str] = []
    commits.put(spend("kept"), results.append).cancel()
    commits.may_begin.set()
    await commits.aclose()
    assert (await stored(database), results) == ({"kept"}, ["kept"])


async def test_a_callback_that_raises_stops_nobody(commits: Counting, database: Database):
    def broken(_result: str) -> None:
        raise ValueError("A counter cannot be decreased.")

    before = STORE_CALLBACK_FAILURES_TOTAL.labels().value
    queued = [commits.put(spend(f"t{number}"), broken if number % 2 else None) for number in range(10)]
    commits.may_begin.set()
    names = await asyncio.gather(*queued)
    later = await commits.put(spend("later"))
    assert await stored(database) == {*names, later}
    assert STORE_CALLBACK_FAILURES_TOTAL.labels().value - before == 5


async def test_nobody_waits_for_ever_when_the_loop_ends_the_writer(commits: Counting):
    queued = [commits.put(spend(f"t{number}")) for number in range(3)]
    await asyncio.sleep(0)
    queued.append(commits.put(spend("later")))
    assert commits._task is not None
    commits._task.cancel()
    reported = await asyncio.gather(*queued, return_exceptions=True)
    assert [type(error) for error in reported] == [asyncio.CancelledError] * 4


async def test_a_write_sees_nothing_of_who_came_first(commits: Counting):
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")

    def job(_connection: Connection) -> str:
        return whose.get()

    whose.set("mine")
    queued = commits.put(job)
    commits.may_begin.set()
    assert await queued == "nobody's"
