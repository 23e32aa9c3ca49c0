"""What a process that died leaves in its journal: its runs are ended, and what they cost is entered once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs
from tests.full_disk import full_disk
from tests.run_record import run_record

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import StoreError
from vital_shared.models.charge import Charge
from vital_shared.models.limits import TenantLimits
from vital_shared.models.model_call import Tokens
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.monitoring.counted import counted
from vital_shared.store import journal as module
from vital_shared.store.account_tables import ledger, reservations, spending
from vital_shared.store.database import Database
from vital_shared.store.idempotency import IdempotencyKey, IdempotencyStore
from vital_shared.store.journal import Journal
from vital_shared.store.limits import LimitStore
from vital_shared.store.runs import RunStore
from vital_shared.store.tables import runs as runs_table

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
DEADLINE = NOW + timedelta(minutes=5)
QUESTION = WorkflowInput(query="?", mode=WorkflowMode.MODE_2, tenant_id="acme", user_id="ann")


class Process:
    """A process with a journal, which may die."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.runs = RunStore(database, journal=Journal(folder))

    async def start(
        self, run_id: str, key: IdempotencyKey | None = None, max_cost_nanos: int = 100
    ) -> RunContext:
        record = run_record(QUESTION, NOW, run_id)
        await self.runs.start(record, lambda: max_cost_nanos, key)
        return RunContext(run_id, QUESTION, note=partial(self.runs.journal.note, run_id))

    async def fail(self, context: RunContext) -> bool:
        return await self.runs.fail(
            context.run_id,
            status="failed",
            error_type="model",
            message="No.",
            node=None,
            now=NOW,
            context=context,
        )

    def die(self) -> None:
        """Let go of the file, as the kernel does."""
        if self.runs.journal._file is not None:
            self.runs.journal._file.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "open-runs"


@pytest.fixture
def processes(database: Database, folder: Path) -> Iterator[tuple[Process, Process]]:
    """Two, of which the first dies."""
    both = Process(database, folder), Process(database, folder)
    yield both
    for process in both:
        process.die()


def files(folder: Path) -> int:
    return len(list(folder.iterdir()))


def charge(item: str = "llm/1", nanos: int = 7, *, estimated: bool = False) -> Charge:
    return Charge(
        item=item,
        cost_type="llm",
        name="m",
        status="success",
        cost_nanos=nanos,
        tokens=Tokens(input=nanos, estimated=estimated),
    )


async def rows(database: Database, *columns: object) -> list[tuple[object, ...]]:
    async with database.connect() as connection:
        return [tuple(row) for row in await connection.execute(select(*columns))]  # type: ignore[call-overload]


async def entered(database: Database) -> list[tuple[object, ...]]:
    found = await rows(database, ledger.c.run_id, ledger.c.item, ledger.c.cost_nanos, ledger.c.estimated)
    return sorted(found)


async def test_open_runs_are_lost_and_pay_exactly_or_as_expected(
    database: Database, folder: Path, processes: tuple[Process, Process]
) -> None:
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=1), now=NOW)
    dead, alive = processes
    context = await dead.start("run-1")
    context.expect(charge("llm/1", 50, estimated=True))
    context.add(charge("llm/1", 7))
    context.expect(charge("llm/2", 30, estimated=True))
    context.expect(charge("llm/2", 40, estimated=True))  # more of its answer came
    assert await alive.runs.end_lost(LATER) == ()  # the process lives
    dead.die()
    (ended,) = await alive.runs.end_lost(LATER)
    assert (ended.run_id, ended.status) == ("run-1", "failed")
    assert await entered(database) == [("run-1", "llm/1", 7, False), ("run-1", "llm/2", 40, True)]
    assert await rows(database, runs_table.c.status, runs_table.c.error_type) == [("failed", "lost")]
    assert await rows(database, func.count(reservations.c.run_id)) == [(0,)]
    assert set(await rows(database, spending.c.cost_nanos)) == {(47,)}
    assert await alive.runs.end_lost(LATER) == ()
    assert files(folder) == 0


async def test_runs_that_had_ended_or_paused_elsewhere_stay_as_they_are(
    database: Database, folder: Path, processes: tuple[Process, Process]
) -> None:
    dead, alive = processes
    context = await dead.start("run-1")
    context.add(charge())
    await dead.fail(context)
    moved = await dead.start("run-2")
    moved.add(charge())
    async with database.begin() as connection:  # paused, and resumed elsewhere until later
        await connection.execute(
            runs_table.update().where(runs_table.c.id == "run-2").values(deadline_at=DEADLINE + timedelta(1))
        )
    dead.die()
    assert await alive.runs.end_lost(LATER) == ()
    found = await rows(database, runs_table.c.id, runs_table.c.status, runs_table.c.error_type)
    assert sorted(found) == [("run-1", "failed", "model"), ("run-2", "running", None)]
    assert await entered(database) == [("run-1", "llm/1", 7, False), ("run-2", "llm/1", 7, False)]


async def test_an_end_that_waited_for_the_store_is_entered_as_it_was(
    database: Database, folder: Path, processes: tuple[Process, Process]
) -> None:
    dead, alive = processes
    context = await dead.start("run-1")
    context.add(charge())
    transact = database._commits._transact

    async def away(_: object) -> list[object]:
        raise StoreError("The database is away.")

    database._commits._transact = away  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreError):
        await dead.fail(context)
    dead.runs.charge_writer._retrying.cancel()  # type: ignore[union-attr]
    assert not await alive.runs.end_lost(LATER)
    dead.die()
    assert await alive.runs.end_lost(LATER) == ()  # the store is still away: it is kept
    database._commits._transact = transact  # type: ignore[method-assign]
    assert await alive.runs.end_lost(LATER) == ()
    assert await rows(database, runs_table.c.status, runs_table.c.error_type) == [("failed", "model")]
    assert await entered(database) == [("run-1", "llm/1", 7, False)]
    assert files(folder) == 0


async def test_the_key_of_a_lost_run_begins_another(
    database: Database, folder: Path, processes: tuple[Process, Process]
) -> None:
    dead, alive = processes
    key, keys = IdempotencyKey("acme", "k", "f"), IdempotencyStore(database)
    await dead.start("run-1", key)
    assert await keys.find(key, now=NOW) == "run-1"
    dead.die()
    await alive.runs.end_lost(LATER)
    assert await keys.find(key, now=NOW) is None
    await alive.start("run-2", key)
    assert await keys.find(key, now=NOW) == "run-2"


async def test_a_refused_run_leaves_nothing_open(
    database: Database, folder: Path, processes: tuple[Process, Process]
) -> None:
    process, _ = processes
    await LimitStore(database).set("acme", TenantLimits(daily_dollars=1), now=NOW)
    await process.start("run-1", max_cost_nanos=10**9)
    with pytest.raises(Exception, match="budget"):
        await process.start("run-2", max_cost_nanos=10**9)
    assert list(process.runs.journal._lines) == ["run-1"]


def test_the_file_stays_small_and_keeps_what_is_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOURNAL_BYTES", 2_000)
    journal = Journal(folder)
    journal.begin("open", DEADLINE)
    journal.note("open", charge())
    for number in range(200):
        journal.begin(f"run-{number}", DEADLINE)
        journal.end(f"run-{number}")
    (path,) = folder.iterdir()
    assert path.stat().st_size < 2 * 2_000
    journal._file.close()  # type: ignore[union-attr]
    ((_, found),) = Journal(folder).read_abandoned()
    assert [(run.run_id, run.deadline_at, run.charges) for run in found] == [("open", DEADLINE, (charge(),))]


def test_a_torn_line_hides_no_other(folder: Path) -> None:
    journal = Journal(folder)
    journal.begin("one", DEADLINE)
    journal.begin("two", DEADLINE)
    journal._file.write('{"run_id": "two", "char')  # type: ignore[union-attr]
    journal._file.close()  # type: ignore[union-attr]
    with capture_logs() as logs:
        ((_, found),) = Journal(folder).read_abandoned()
    assert [run.run_id for run in found] == ["one", "two"]
    assert [log["event"] for log in logs] == ["journal_line_unreadable"]


def test_a_full_disk_stops_nothing_and_is_made_up_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(folder)
    with monkeypatch.context() as full, capture_logs() as logs:
        full.setattr(module, "create_locked_file", _refuse)
        journal.begin("one", DEADLINE)
        journal.note("one", charge())
    assert [log["event"] for log in logs] == ["journal_not_written"]
    journal.begin("two", DEADLINE)
    journal._file.close()  # type: ignore[union-attr]
    ((_, found),) = Journal(folder).read_abandoned()
    assert [(run.run_id, run.charges) for run in found] == [("one", (charge(),)), ("two", ())]


def test_a_disk_that_is_full_to_the_end_fails_no_shutdown(folder: Path) -> None:
    journal = Journal(folder)
    journal.begin("one", DEADLINE)
    with full_disk(at_bytes=100), capture_logs() as logs, counted() as growth:
        journal.begin("two", DEADLINE)
        journal.note("one", charge())
        journal.close()
    assert growth("vital_local_write_failures_total", file="journal") == 4  # the close tries once more
    assert [log["event"] for log in logs] == ["journal_not_written", "journal_not_whole"]
    ((_, found),) = Journal(folder).read_abandoned()
    assert [run.run_id for run in found] == ["one"]


def test_a_disk_with_room_again_gets_all_that_is_open_at_the_end(folder: Path) -> None:
    journal = Journal(folder)
    journal.begin("one", DEADLINE)
    with full_disk(at_bytes=100):
        journal.begin("two", DEADLINE)
        journal.note("one", charge())
    journal.close()
    ((_, found),) = Journal(folder).read_abandoned()
    assert [(run.run_id, run.charges) for run in found] == [("one", (charge(),)), ("two", ())]


def _refuse(_: Path) -> None:
    raise OSError(28, "No space left on device")
