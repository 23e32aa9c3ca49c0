"""A run that pauses while the store is away waits for it, as other durable writes do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.store.settling import Store, charge, running_store

from vital_shared.errors import StoreError
from vital_shared.models.fence import Fence
from vital_shared.store import charge_writer, patience
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database

ATTEMPTS = 3
"""Attempts that fail."""


@pytest.fixture
async def store(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.01)
    async with running_store(database, tmp_path / "owed") as made:
        yield made


@pytest.mark.parametrize("charges", [0, 2])
async def test_a_pause_waits_for_a_store_that_is_away(store: Store, charges: int) -> None:
    context = await store.start("run-1")
    for number in range(charges):
        context.add(charge(f"llm/{number}"))
    store.away = ATTEMPTS
    assert await store.pause(context)
    assert await store.status("run-1") == "awaiting_approval"
    assert await store.rows(select(ledger.c.cost_nanos)) == charges * [(7,)]


@pytest.mark.parametrize("charges", [0, 1])
async def test_a_pause_that_the_store_did_not_confirm_is_stored_once(store: Store, charges: int) -> None:
    context = await store.start("run-1")
    for number in range(charges):
        context.add(charge(f"llm/{number}"))
    store.unconfirmed = 1
    assert await store.pause(context)
    assert await store.status("run-1") == "awaiting_approval"
    assert await store.rows(select(ledger.c.cost_nanos)) == charges * [(7,)]


@pytest.mark.parametrize("is_durable", [True, False])
async def test_charges_that_memory_has_no_room_for_are_stored_before_the_pause(
    store: Store, monkeypatch: pytest.MonkeyPatch, is_durable: bool
) -> None:
    monkeypatch.setattr(charge_writer, "MAX_WAITING_RUNS", 0)
    context = await store.start("run-1")
    context.fence = Fence("worker-1", 0) if is_durable else None
    context.add(charge())
    store.away = ATTEMPTS
    assert await store.pause(context)
    assert await store.status("run-1") == "awaiting_approval"
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]
    assert await store.runs.charge_writer.settle_all()  # what is on disk is entered, and changes nothing
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]


async def test_a_pause_waits_no_longer_than_others(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = await store.start("run-1")
    context.add(charge())
    monkeypatch.setattr(database, "wait_seconds", 0.05)
    store.away = 10**6
    with pytest.raises(StoreError, match=r"did not take the pause of the run within 0\.\d+ seconds"):
        await store.pause(context)
    store.away = 0
