"""What runs owe to a store that is away waits on disk, and is entered once."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from structlog.testing import capture_logs
from tests.full_disk import full_disk
from tests.store.settling import Store, charge, owed_end, running_store

from vital_shared.errors import StoreError
from vital_shared.monitoring.counted import counted
from vital_shared.store import charge_writer as module
from vital_shared.store.account_tables import ledger, spending
from vital_shared.store.database import Database
from vital_shared.store.runs import RunStore
from vital_shared.store.spool import Spool


@pytest.fixture
async def store(database: Database, tmp_path: Path) -> AsyncIterator[Store]:
    async with running_store(database, tmp_path / "owed") as made:
        yield made


async def test_what_is_owed_at_the_end_of_a_process_is_entered_by_the_next(store: Store, tmp_path: Path):
    context = await store.start("run-1")
    context.add(charge())
    store.away = 1_000_000
    with pytest.raises(StoreError):
        await store.fail(context)
    await store.runs.charge_writer.aclose()
    store.away = 0
    assert await store.status("run-1") == "running"
    (file,) = (tmp_path / "owed").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    following = RunStore(store.database, Spool(tmp_path / "owed"))
    assert await following.charge_writer.recover()
    assert await store.status("run-1") == "failed"
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]
    assert not list((tmp_path / "owed").iterdir())


async def test_the_spool_of_a_living_process_and_torn_lines_are_left_alone(store: Store, tmp_path: Path):
    context = await store.start("run-1")
    store.away = 1_000_000
    with pytest.raises(StoreError):
        await store.fail(context)
    living = Spool(tmp_path / "owed")
    living.append([pending.settlement for pending in store.runs.charge_writer._kept])
    store.away = 0
    other = Spool(tmp_path / "owed")
    assert list(other.read_abandoned()) == []
    living.close()
    (file,) = (tmp_path / "owed").iterdir()
    file.write_text(file.read_text() + '{"run_id": "torn words of ann')
    with capture_logs() as logs:
        (read,) = other.read_abandoned()
    assert [each.run_id for each in read[1]] == ["run-1"]
    assert [log["line"] for log in logs] == [2]
    assert "torn" not in str(logs)  # a person's words are in the line, and errors quote it


async def test_a_torn_line_says_what_is_owed_as_far_as_it_can_be_read(store: Store, tmp_path: Path):
    context = await store.start("run-1")
    context.add(charge("llm/1", 1_500))
    context.add(charge("llm/2", 2_600))
    store.away = 1_000_000
    with pytest.raises(StoreError):
        await store.fail(context)
    spool = Spool(tmp_path / "owed")
    spool.append([pending.settlement for pending in store.runs.charge_writer._kept])
    spool.close()
    store.away = 0
    (file,) = (tmp_path / "owed").iterdir()
    whole = file.read_text()
    owed = {}
    for torn in ("No.", "600,", '"run-1"'):  # within the end, within the second amount, within the name
        file.write_text(whole[: whole.index(torn) + 1])
        with capture_logs() as logs:
            (read,) = Spool(tmp_path / "owed").read_abandoned()
        assert read[1] == ()
        owed[torn] = json.loads(logs[0]["owed"])
    amounts = {torn: [each.get("cost_nanos") for each in owed[torn].get("charges", ())] for torn in owed}
    assert amounts == {"No.": [1_500, 2_600], "600,": [1_500, None], '"run-1"': []}
    assert (owed["600,"]["run_id"], owed["600,"]["payer"]["tenant_id"]) == ("run-1", "acme")
    assert "error_message" not in owed["No."]["end"]


async def test_a_spool_that_nobody_may_read_stops_nothing(store: Store, tmp_path: Path):
    (tmp_path / "owed/a.jsonl").mkdir(parents=True)  # it cannot be opened, even by root
    with capture_logs() as logs:
        assert await store.runs.charge_writer.recover()
    assert [log["event"] for log in logs] == ["locked_file_not_readable"]


async def test_what_is_in_flight_when_the_store_hangs_at_the_end_is_spooled_too(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "SHUTDOWN_SECONDS", 0.05)
    context = await store.start("run-1")
    context.add(charge())
    may_write, transact = asyncio.Event(), store.database._commits._transact

    async def hang(work: Callable[[Connection], list[object]]) -> list[object]:
        await may_write.wait()
        return await transact(work)

    store.database._commits._transact = hang
    ending = asyncio.create_task(store.fail(context))
    await asyncio.sleep(0)
    await store.runs.charge_writer.aclose()
    may_write.set()
    assert await ending  # written after all: and entered once more, which changes nothing
    assert await RunStore(store.database, Spool(tmp_path / "owed")).charge_writer.recover()
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]
    assert set(await store.rows(select(spending.c.cost_nanos))) == {(7,)}


async def test_what_the_end_of_a_loop_cuts_short_is_spooled(store: Store, tmp_path: Path):
    context = await store.start("run-1")
    context.add(charge())
    ending = asyncio.create_task(store.fail(context))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the writer has begun
    assert store.database._commits._task is not None
    store.database._commits._task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    await store.runs.charge_writer.aclose()
    assert await RunStore(store.database, Spool(tmp_path / "owed")).charge_writer.recover()
    assert await store.status("run-1") == "failed"
    assert await store.rows(select(ledger.c.cost_nanos)) == [(7,)]


async def test_what_memory_has_no_room_for_waits_on_disk_and_is_entered_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MAX_WAITING_RUNS", 2)
    bills = [await store.start(f"run-{number}") for number in range(5)]
    store.away = 5
    for context in bills:
        with pytest.raises(StoreError):
            await store.fail(context)
    assert len(store.runs.charge_writer._kept) == 2
    assert store.runs.charge_writer._retrying is not None
    await store.runs.charge_writer._retrying
    assert {await store.status(context.run_id) for context in bills} == {"failed"}


async def test_a_full_disk_takes_nothing_in_part_and_all_once_it_has_room(store: Store, tmp_path: Path):
    writer = store.runs.charge_writer
    for run_id in ("run-1", "run-2"):
        await store.start(run_id)
    kept = [owed_end(run_id) for run_id in ("run-1", "run-2")]
    writer._spool_or_log(kept[:1])
    (file,) = (tmp_path / "owed").iterdir()
    size = file.stat().st_size
    with full_disk(at_bytes=size + 20), capture_logs() as logs, counted() as growth:
        writer._spool_or_log(kept[1:])
        writer._spool_or_log(kept[1:])
    assert [log["event"] for log in logs] == ["spool_failed", "write_lost", "write_lost"]
    assert growth("vital_local_write_failures_total", file="spool") == 2
    assert file.stat().st_size == size
    writer._spool_or_log(kept[1:])
    assert await writer.settle_all()
    assert {await store.status(run_id) for run_id in ("run-1", "run-2")} == {"failed"}


async def test_a_spool_that_the_disk_does_not_sync_is_entered_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    await store.start("run-1")
    store.runs.charge_writer._spool_or_log([owed_end("run-1")])
    monkeypatch.setattr(os, "fsync", refuse)
    with capture_logs() as logs, counted() as growth:
        assert await store.runs.charge_writer.settle_all()
    assert [log["event"] for log in logs] == ["spool_not_synced", "spool_entered"]
    assert growth("vital_local_write_failures_total", file="spool") == 1
    assert await store.status("run-1") == "failed"


async def test_what_is_spooled_while_earlier_ones_are_entered_is_entered_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    writer, recover = store.runs.charge_writer, store.runs.charge_writer.recover
    for run_id in ("run-1", "run-2"):
        await store.start(run_id)

    async def spool_meanwhile() -> bool:
        is_entered = await recover()
        writer._spool_or_log([owed_end("run-2")])
        return is_entered

    writer._spool_or_log([owed_end("run-1")])
    monkeypatch.setattr(writer, "recover", spool_meanwhile)
    assert not await writer.settle_all()
    monkeypatch.setattr(writer, "recover", recover)
    assert await writer.settle_all()
    assert {await store.status(run_id) for run_id in ("run-1", "run-2")} == {"failed"}
