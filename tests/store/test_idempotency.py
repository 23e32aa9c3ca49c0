"""A key begins one run, whichever process sees its request first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.store.test_runs import NOW, record

from vital_shared.errors import BudgetExceeded, InvalidRequest, KeyTaken, NotFound
from vital_shared.models.limits import TenantLimits
from vital_shared.store.database import Database
from vital_shared.store.idempotency import KEY_LIFETIME, IdempotencyKey, IdempotencyStore
from vital_shared.store.limits import LimitStore
from vital_shared.store.runs import RunStore

KEY = IdempotencyKey("acme", "key-1", "fingerprint")


@pytest.fixture
def runs(database: Database) -> RunStore:
    return RunStore(database)


@pytest.fixture
def keys(database: Database) -> IdempotencyStore:
    return IdempotencyStore(database)


async def test_a_key_is_stored_with_its_run(runs: RunStore, keys: IdempotencyStore):
    assert await keys.find(KEY, now=NOW) is None
    await runs.start(record("run-1"), key=KEY)
    assert await keys.find(KEY, now=NOW) == "run-1"
    with pytest.raises(KeyTaken) as taken:
        await runs.start(record("run-2"), key=KEY)
    assert taken.value.run_id == "run-1"
    with pytest.raises(NotFound):
        await runs.get("run-2", tenant_id=None)


async def test_a_key_is_its_tenants_and_stands_for_one_request(runs: RunStore, keys: IdempotencyStore):
    await runs.start(record("run-1"), key=KEY)
    assert await keys.find(replace(KEY, tenant_id="globex"), now=NOW) is None
    other = replace(KEY, fingerprint="another")
    with pytest.raises(InvalidRequest, match="another request"):
        await keys.find(other, now=NOW)
    with pytest.raises(InvalidRequest, match="another request"):
        await runs.start(record("run-2"), key=other)


async def test_of_many_equal_requests_in_two_processes_one_begins_a_run(
    database: Database, other: Database, keys: IdempotencyStore
):
    stores = [RunStore(database), RunStore(other)]
    requests = [stores[n % 2].start(record(f"run-{n}"), key=KEY) for n in range(20)]
    found = await asyncio.gather(*requests, return_exceptions=True)
    assert found.count(None) == 1
    begun = f"run-{found.index(None)}"
    assert {each.run_id for each in found if isinstance(each, KeyTaken)} == {begun}
    assert await keys.find(KEY, now=NOW) == begun


async def test_many_keys_in_two_processes_do_not_wait_for_each_other(database: Database, other: Database):
    stores = [RunStore(database), RunStore(other)]
    keyed = [replace(KEY, key=f"key-{n}") for n in range(20)]
    orders = [keyed, keyed[::-1]]
    requests = [
        stores[which].start(record(f"run-{which}-{n}"), key=key)
        for which, order in enumerate(orders)
        for n, key in enumerate(order)
    ]
    async with asyncio.timeout(20):
        found = await asyncio.gather(*requests, return_exceptions=True)
    assert found.count(None) == len(keyed)
    assert sum(isinstance(each, KeyTaken) for each in found) == len(keyed)


async def test_a_request_that_was_refused_may_be_sent_again(database: Database, keys: IdempotencyStore):
    runs, limits = RunStore(database), LimitStore(database)
    await limits.set("acme", TenantLimits(daily_dollars=Decimal("0.000000001")), now=NOW)
    await runs.start(record("run-0"), lambda: 1)
    with pytest.raises(BudgetExceeded):
        await runs.start(record("run-1"), lambda: 1, key=KEY)
    assert await keys.find(KEY, now=NOW) is None


async def test_a_key_is_forgotten_after_a_day(runs: RunStore, keys: IdempotencyStore):
    await runs.start(record("run-1"), key=KEY)
    later = NOW + KEY_LIFETIME
    assert await keys.find(KEY, now=later - timedelta(seconds=1)) == "run-1"
    assert await keys.find(KEY, now=later) is None
    await runs.start(record("run-2", created_at=later), key=KEY)
    assert await keys.find(KEY, now=later) == "run-2"
    await runs.sweep(later + KEY_LIFETIME)
    assert await keys.find(KEY, now=NOW) is None
