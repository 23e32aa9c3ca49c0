"""Which values have names is decided once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from vital_shared.errors import Conflict, NotFound
from vital_shared.models.agent import AgentProfile
from vital_shared.monitoring.instrument import Counter
from vital_shared.monitoring.label_use import LabelUse
from vital_shared.monitoring.labels import OTHER, WORKER_VARIABLE, BoundedLabel
from vital_shared.store.account_tables import api_keys, budgets, label_values, spending
from vital_shared.store.agents import AgentStore
from vital_shared.store.database import Database
from vital_shared.store.label_values import LabelValues

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Worker:
    """A process among several, with labels of its own."""

    def __init__(self, database: Database, limit: int = 4) -> None:
        self.tenant = BoundedLabel("tenant_id", ("none",), limit=limit)
        self.tool = BoundedLabel("tool", limit=limit)
        self.agent, self.model = BoundedLabel("agent_id", limit=limit), BoundedLabel("model", limit=limit)
        labels = (self.tenant, self.tool, self.agent, self.model)
        self.requests = Counter("requests_total", "Requests.", (self.tenant,))
        self.values = LabelValues(database, labels, LabelUse(labels, (self.requests,)))

    def shown(self) -> dict[str, float]:
        """Return what the counter shows, by tenant."""
        return {each.labels["tenant_id"]: each.value for each in self.requests.collect()[0].samples}

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


async def test_a_refresh_does_not_undo_what_is_named_meanwhile(database, monkeypatch):
    worker = Worker(database)
    await worker.asked_by("a")
    read, admitting = worker.values._reserved.read, []

    async def slowly(connection):
        found = await read(connection)
        if not admitting:  # the names have been read, and now another one is given
            admitting.append(asyncio.create_task(worker.asked_by("b")))
            await asyncio.wait(admitting, timeout=0.3)
        return found

    monkeypatch.setattr(worker.values._reserved, "read", slowly)
    await worker.values.refresh(now=NOW)
    await asyncio.gather(*admitting)
    assert worker.tenant.name_of("b") == "b"


async def test_what_can_be_no_name_is_not_asked_for_again_and_again(database, monkeypatch):
    worker = Worker(database)

    def never():
        raise AssertionError("the store was asked")

    monkeypatch.setattr(database, "begin", never)
    await worker.asked_by("x" * 201, "line\nbreak")
    assert worker.tenant.given == ()


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
    await alone.values.refresh(now=NOW)
    await alone.values.refresh(now=NOW + timedelta(minutes=1))  # nothing new
    async with other.connect() as connection:
        rows = (await connection.execute(select(label_values.c["label", "value", "admitted_at"]))).all()
    assert [tuple(row) for row in rows] == [("tenant_id", "a", NOW)]


async def test_ten_thousand_tenants_have_no_more_names_than_there_may_be(database):
    worker = Worker(database, limit=10)
    for number in range(10_000):
        await worker.asked_by(f"tenant-{number}")
    assert len(worker.tenant.values) == worker.tenant.most == 11


async def limit(database: Database, *tenants: str) -> None:
    async with database.begin() as connection:
        rows = [{"tenant_id": tenant, "updated_at": NOW} for tenant in tenants]
        await connection.execute(insert(budgets), rows)


async def test_a_tenant_with_limits_gets_a_place_that_others_have_taken(database, other):
    one, two = Worker(database), Worker(other)
    await one.asked_by("a", "b", "c", "d")
    await two.values.refresh(now=NOW)
    one.requests.labels("b").inc()
    await one.values.refresh(now=NOW + timedelta(hours=2))
    await limit(database, "acme")
    for worker in (one, two):
        await worker.values.refresh(now=NOW + timedelta(hours=3))
        assert set(worker.tenant.given) == {"b", "c", "acme"}  # "a" was unused for longest
        assert worker.shown()["acme"] == 0


async def test_a_configured_value_never_takes_the_place_of_another(database):
    await limit(database, "a", "b", "c", "d")
    worker = Worker(database)
    await worker.values.open((), now=NOW)
    assert worker.tenant.given == ("a", "b", "c")


async def test_a_name_without_use_for_seven_days_is_freed_and_other_stays_as_it_is(database, other):
    one, two = Worker(database), Worker(other)
    await limit(database, "limited")
    await one.asked_by("busy", "idle")
    await two.values.refresh(now=NOW)
    for worker in (one, two):
        for tenant in ("busy", "idle", "stranger"):
            worker.requests.labels(tenant).inc(3)
    two.requests.labels("busy").inc()
    for day in range(1, 9):
        one.requests.labels("busy").inc()
        for worker in (one, two):
            await worker.values.refresh(now=NOW + timedelta(days=day, minutes=day))
    for worker in (one, two):
        assert worker.shown().keys() == {OTHER, "none", "limited", "busy"}
        assert worker.shown()[OTHER] == 3
        worker.requests.labels("idle").inc()
        assert worker.shown()[OTHER] == 4


async def test_a_name_that_any_worker_uses_is_kept(database, other):
    one, two = Worker(database), Worker(other)
    await one.asked_by("a")
    await two.values.refresh(now=NOW)
    for day in range(1, 20):
        two.requests.labels("a").inc()
        await two.values.refresh(now=NOW + timedelta(days=day))
        await one.values.refresh(now=NOW + timedelta(days=day, hours=1))
    assert one.tenant.given == two.tenant.given == ("a",)


async def test_agents_and_their_models_have_names_before_anything_is_counted(database, other):
    store = AgentStore(database)
    profile = AgentProfile(id="lawyer", name="L", system_prompt="P", model="a:b", fallbacks=("c:d",))
    worker = Worker(other)
    await worker.values.open([(worker.model, "configured")], now=NOW)
    await store.save(profile, tenant_id="acme")
    await worker.values.refresh(now=NOW)
    assert worker.agent.given == ("lawyer",)
    assert set(worker.model.given) == {"configured", "a:b", "c:d"}
    await store.delete("lawyer", tenant_id="acme")
    await worker.values.refresh(now=NOW + timedelta(days=8))
    assert worker.agent.given == ()
    assert worker.model.given == ("configured",)


async def test_what_was_earned_among_several_workers_is_named_with_the_next_refresh(database):
    worker = Worker(database)
    worker.model.earn("a:b")
    await worker.values.refresh(now=NOW)
    assert worker.model.given == ("a:b",)
    assert not worker.model.pending


async def test_names_are_listed_and_freed_by_hand_unless_they_are_configured(database, other):
    one, two = Worker(database), Worker(other)
    await limit(database, "limited")
    await one.asked_by("a")
    await two.values.refresh(now=NOW)
    one.requests.labels("a").inc()
    await one.values.refresh(now=NOW + timedelta(hours=1))
    listed = {each.value: each for each in await two.values.all()}
    assert (listed["a"].since, listed["a"].last_used) == (NOW, NOW + timedelta(hours=1))
    assert [value for value, each in listed.items() if each.reserved] == ["limited"]
    await two.values.free("tenant_id", "a")
    await one.values.refresh(now=NOW + timedelta(hours=2))
    assert one.tenant.given == ("limited",)
    with pytest.raises(Conflict):
        await two.values.free("tenant_id", "limited")
    with pytest.raises(NotFound):
        await two.values.free("tenant_id", "a")
