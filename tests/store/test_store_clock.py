"""The time of the store: the same for all engines, whatever their machines' clocks say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.run_record import run_record

from vital_shared.errors import BudgetExceeded
from vital_shared.models.limits import TenantLimits
from vital_shared.models.run_list import RunQuery
from vital_shared.models.usage_limits import UsageLimit
from vital_shared.settings import Settings
from vital_shared.store.database import Database
from vital_shared.store.limits import LimitStore
from vital_shared.store.run_list import RunListStore
from vital_shared.store.runs import RunStore
from vital_shared.store.store_clock import StoreClock
from vital_shared.store.usage_limits import UsageLimitStore
from vital_shared.testing import question
from vital_shared.workflows.services import Services

LONGEST = 300.0


class Machine:
    """A machine with a clock that may be wrong, and a time that the test lets pass."""

    def __init__(self, wrong_by: timedelta = timedelta()) -> None:
        self.wrong_by = wrong_by
        self.passed = self.slept = 0.0

    def clock(self) -> StoreClock:
        return StoreClock(
            longest_run_seconds=LONGEST,
            machine=lambda: datetime.now(UTC) + self.wrong_by,
            elapsed=lambda: self.passed + self.slept,
            at_work=lambda: self.passed,
        )


def near(time: datetime, expected: datetime) -> bool:
    return abs(time - expected) < timedelta(seconds=5)


@pytest.fixture
def store_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Sets the store's clock forward, or back."""

    def set_by(difference: timedelta) -> None:
        at = (datetime.now(UTC) + difference).timestamp()
        monkeypatch.setattr("vital_shared.store.store_clock._seconds", lambda _: at)

    return set_by


async def test_a_wrong_clock_of_a_machine_counts_until_the_server_was_asked(database: Database):
    machine = Machine(wrong_by=timedelta(hours=3))
    clock = machine.clock()
    assert near(clock(), datetime.now(UTC) + timedelta(hours=3))
    with capture_logs() as logs:
        await clock.read(database)
    is_server = database.file is None
    assert near(clock(), datetime.now(UTC) + timedelta(hours=0 if is_server else 3))
    (line,) = logs
    assert (line["event"], round(line["seconds"], -2)) == ("store_clock_differs", -10_800)


async def test_a_clock_that_is_set_while_an_engine_serves_changes_nothing_there(database: Database):
    machine = Machine()
    clock = machine.clock()
    await clock.read(database)
    machine.wrong_by = timedelta(days=400)
    machine.passed += 60
    if database.file is None:
        assert near(clock(), datetime.now(UTC) + timedelta(seconds=60))
    else:
        assert near(clock(), datetime.now(UTC) + timedelta(days=400))


async def test_the_time_goes_on_while_the_machine_sleeps(database: Database):
    machine = Machine()
    clock = machine.clock()
    await clock.read(database)
    machine.slept += 3_600
    if database.file is None:
        assert near(clock(), datetime.now(UTC) + timedelta(hours=1))


async def test_a_given_clock_is_never_read(database: Database):
    given = datetime(2026, 1, 1, tzinfo=UTC)
    clock = StoreClock(lambda: given)
    await clock.read(database)
    assert (clock(), clock.recent_jump()) == (given, timedelta())


async def test_a_run_at_work_is_not_overdue_because_the_clock_was_set_forward(
    database: Database, store_time: Callable[[timedelta], None]
):
    machine = Machine()
    clock = machine.clock()
    runs = RunStore(database, recent_jump=clock.recent_jump)
    await clock.read(database)
    began = datetime.now(UTC)
    record = run_record(question("hi"), began, "run_1")
    await runs.start(record.model_copy(update={"deadline_at": began + timedelta(seconds=LONGEST)}))
    store_time(timedelta(hours=1))
    with capture_logs() as logs:
        await clock.read(database)
    assert [line["event"] for line in logs] == ["store_clock_jumped"]
    now = began + timedelta(hours=1)
    assert await runs.sweep(now) == ()
    assert (await runs.get("run_1", tenant_id=None, now=now)).status == "running"
    lists = RunListStore(database, clock.recent_jump)
    for status, found in (("running", ["running"]), ("failed", [])):
        query = RunQuery.model_validate({"status": status})
        page = await lists.page(query, tenant_id=None, now=now)
        assert [run.status for run in page.runs] == found
    (shown,) = (await lists.page(RunQuery(), tenant_id=None, now=now)).runs
    assert (shown.status, shown.finished_at) == ("running", None)
    machine.passed += LONGEST
    store_time(timedelta(hours=1, seconds=LONGEST))
    await clock.read(database)
    assert [ended.run_id for ended in await runs.sweep(now + timedelta(seconds=LONGEST))] == ["run_1"]


@pytest.mark.parametrize("is_tree", [False, True])
async def test_what_a_run_at_work_has_reserved_counts_after_the_clock_was_set_forward(
    database: Database, store_time: Callable[[timedelta], None], is_tree: bool
):
    machine = Machine()
    clock = machine.clock()
    runs = RunStore(database, recent_jump=clock.recent_jump)
    began = datetime.now(UTC)
    if is_tree:
        above = UsageLimit(level="tenant", id="acme", amount=Decimal(1), unit="dollars", period="day")
        await UsageLimitStore(database).set(above, now=began)
    else:
        await LimitStore(database).set("acme", TenantLimits(daily_dollars=Decimal(1)), now=began)

    async def start(run_id: str, now: datetime) -> None:
        record = run_record(question("hi"), now, run_id)
        deadline = now + timedelta(seconds=LONGEST)
        await runs.start(record.model_copy(update={"deadline_at": deadline}), lambda: 600_000_000)

    await clock.read(database)
    await start("run_1", began)
    store_time(timedelta(hours=1))
    await clock.read(database)
    now = began + timedelta(hours=1)
    with pytest.raises(BudgetExceeded):
        await start("run_2", now)
    with pytest.raises(BudgetExceeded):
        await runs.reserve_more(
            "run_1",
            600_000_000,
            0,
            tenant_id="acme",
            now=now,
            deadline_at=began + timedelta(seconds=LONGEST),
            may_exceed_alone=False,
        )
    machine.passed += LONGEST
    store_time(timedelta(hours=1, seconds=LONGEST))
    await clock.read(database)
    await start("run_2", now + timedelta(seconds=LONGEST))  # the other is overdue by now


async def test_a_machine_that_slept_finds_its_run_at_work(
    database: Database, store_time: Callable[[timedelta], None]
):
    machine = Machine()
    clock = machine.clock()
    runs = RunStore(database, recent_jump=clock.recent_jump)
    began = datetime.now(UTC)
    store_time(timedelta())
    await clock.read(database)
    await runs.start(run_record(question("hi"), began, "run_1"))
    machine.slept += 8 * 3_600
    store_time(timedelta(hours=8))
    await clock.read(database)
    assert await runs.sweep(began + timedelta(hours=8)) == ()


async def test_a_clock_that_is_set_back_is_followed(
    database: Database, store_time: Callable[[timedelta], None]
):
    machine = Machine()
    clock = machine.clock()
    await clock.read(database)
    store_time(timedelta(hours=-1))
    await clock.read(database)
    assert clock.recent_jump() == timedelta()
    if database.file is None:
        assert near(clock(), datetime.now(UTC) - timedelta(hours=1))


async def test_services_go_by_the_clock_of_their_store(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Wrong(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=2)

    monkeypatch.setattr("vital_shared.store.store_clock.datetime", Wrong)
    services = await Services.open(Settings(database_url=url, data_dir=tmp_path, redis_url=""))
    try:
        ahead = timedelta() if url.startswith("postgresql") else timedelta(days=2)
        assert near(services.now(), datetime.now(UTC) + ahead)
    finally:
        await services.aclose()
