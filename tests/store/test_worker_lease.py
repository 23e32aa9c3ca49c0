"""The thread that renews the lease: it ends with its worker, however early that is."""

import asyncio
import threading
from contextlib import suppress

import pytest

from vital_shared.errors import StoreError
from vital_shared.store.database import Database
from vital_shared.store.worker_lease import WorkerLease


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "vital-lease"]


@pytest.mark.parametrize("steps", range(4))
async def test_a_worker_that_ends_while_it_takes_its_lease_leaves_no_thread(
    database: Database, url: str, steps: int
):
    lease = WorkerLease(url)
    taking = asyncio.create_task(lease.hold())
    for _ in range(steps):
        await asyncio.sleep(0)
    taking.cancel()
    with suppress(asyncio.CancelledError):
        await taking
    await lease.aclose(gives_up=True)
    assert threads() == []


async def test_a_lease_whose_taking_was_cancelled_is_held_by_the_next_call(database: Database, url: str):
    lease = WorkerLease(url)
    taking = asyncio.create_task(lease.hold())
    await asyncio.sleep(0)
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    await lease.hold()
    assert lease.is_held
    await lease.aclose()
    with pytest.raises(StoreError, match="The worker has ended"):
        await lease.hold()
    assert threads() == []


async def test_a_lease_that_could_not_be_taken_is_taken_once_the_store_is_there(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}"
    lease = WorkerLease(url)
    with pytest.raises(StoreError):
        await lease.hold()
    database = Database(url)
    await database.migrate()
    await lease.hold()
    assert lease.is_held
    await lease.aclose()
    await database.aclose()
    assert threads() == []


async def test_a_worker_that_has_never_taken_a_lease_ends(url: str):
    lease = WorkerLease(url)
    await lease.aclose(gives_up=True)
    with pytest.raises(StoreError, match="The worker has ended"):
        await lease.hold()
    assert threads() == []


async def test_a_run_begins_only_once_a_lease_that_was_over_is_renewed(database: Database, url: str):
    """Else it would be taken over at once: its worker was cut off from the store, and is back a moment before."""
    hours = [0.0]
    lease = WorkerLease(url, seconds=2.0, clock=lambda: 3_600.0 * hours[0])
    await lease.hold()
    hours[0] += 1
    await lease.hold()
    assert lease.is_held
    await lease.aclose()


async def test_nothing_begins_under_a_lease_that_the_store_does_not_renew(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
):
    async def away(_: Database) -> None:
        raise StoreError("The database does not answer.")

    hours = [0.0]
    lease = WorkerLease(url, seconds=0.2, clock=lambda: 3_600.0 * hours[0])
    await lease.hold()
    monkeypatch.setattr(lease, "_renew", away)
    hours[0] += 1
    with pytest.raises(StoreError, match="lease of this worker is over"):
        await lease.hold()
    await lease.aclose()
