"""Which values have names is decided once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from vital_shared.monitoring.labels import OTHER, WORKER_VARIABLE, BoundedLabel
from vital_shared.store.account_tables import api_keys, budgets, label_values, spending
from vital_shared.store.database import Database
from vital_shared.store.label_values import LabelValues

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Worker:
    """A process among several, with labels of its own."""

    def __init__(self, database: Database, limit: int = 4) -> None:
        self.tenant = BoundedLabel("tenant_id", ("none",), limit=limit)
        self.tool = BoundedLabel("tool", limit=limit)
        self.values = LabelValues(database, (self.tenant, self.tool))

    async def asked_by(self, *tenants: str) -> None:
        for each in tenants:
            await self.values.admit([(self.tenant, each)], now=lambda: NOW)


@pytest.fixture(autouse=True)
def _among_several(monkeypatch):
    monkeypatch.setenv(WORKER_VARIABLE, "1")


async def test_all_workers_count_the_same_values_under_their_names(database, other):
    one, two = Worker(database), Worker(other)
    await one.asked_by("a", "b")
    await two.asked_by("c", "d", "e", "a")
    await one.asked_by("d", "c")
    for worker in (one, two):
        assert set(worker.tenant.values) == {OTHER, "none", "a", "b", "c"}
        assert worker.tenant.name_of("d") == OTHER


async def test_two_workers_that_ask_at_once_do_not_give_too_many(database, other):
    workers = [Worker(database), Worker(other)]
    await asyncio.gather(
        *(worker.asked_by(f"{number}-{each}") for number, worker in enumerate(workers) for each in range(10))
    )
    for worker in workers:
        await worker.values.open((), now=NOW)
    assert set(workers[0].tenant.values) == set(workers[1].tenant.values)
    assert len(workers[0].tenant.values) == workers[0].tenant.most


async def test_what_can_be_no_name_is_not_asked_for_again_and_again(database, monkeypatch):
    worker = Worker(database)

    def never():
        raise AssertionError("the store was asked")

    monkeypatch.setattr(database, "begin", never)
    await worker.asked_by("x" * 201, "line\nbreak")


async def test_names_are_kept_over_a_restart(database):
    await Worker(database).asked_by("a", "b")
    again = Worker(database)
    await again.values.open([(again.tool, "calculator")], now=NOW)
    assert again.tenant.given == ("a", "b")
    assert again.tool.given == ("calculator",)


async def test_known_tenants_come_first_by_what_they_have_spent(database):
    async with database.begin() as connection:
        key = {"name": "", "scopes": "ask", "secret_hash": "", "created_at": NOW}
        await connection.execute(
            insert(api_keys),
            [
                key | {"id": "1", "tenant_id": "small", "revoked_at": None},
                key | {"id": "2", "tenant_id": "large", "revoked_at": None},
                key | {"id": "3", "tenant_id": "", "revoked_at": None},
                key | {"id": "4", "tenant_id": "former", "revoked_at": NOW},
            ],
        )
        await connection.execute(insert(budgets), [{"tenant_id": "limited", "updated_at": NOW}])
        await connection.execute(
            insert(spending),
            [
                {"tenant_id": "large", "period": "2026-11", "cost_nanos": 9},
                {"tenant_id": "limited", "period": "2026-11", "cost_nanos": 5},
                {"tenant_id": "small", "period": "2026-11-25", "cost_nanos": 99},
            ],
        )
    worker = Worker(database, limit=3)
    await worker.values.open((), now=NOW)
    assert worker.tenant.given == ("large", "limited")  # and no room for "small"


async def test_what_a_process_has_named_by_itself_is_stored_later(database, other, monkeypatch):
    monkeypatch.delenv(WORKER_VARIABLE)
    alone = Worker(database)
    assert alone.tenant.name_of("a") == "a"
    await alone.values.keep(now=NOW)
    await alone.values.keep(now=NOW + timedelta(minutes=1))  # nothing new
    async with other.connect() as connection:
        rows = (await connection.execute(select(label_values))).all()
    assert [tuple(row) for row in rows] == [("tenant_id", "a", NOW)]


async def test_ten_thousand_tenants_have_no_more_names_than_there_may_be(database):
    worker = Worker(database, limit=10)
    for number in range(10_000):
        await worker.asked_by(f"tenant-{number}")
    assert len(worker.tenant.values) == worker.tenant.most == 11
