"""What runs cost: written once, with their ends, and never forgotten."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, text
from structlog.testing import capture_logs

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import StoreError
from vital_shared.models.charge import Charge
from vital_shared.models.limits import TenantLimits
from vital_shared.models.model_call import Tokens
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.monitoring.metrics import COST_DOLLARS_TOTAL, COST_OVERALL_DOLLARS_TOTAL, TENANT
from vital_shared.store import charge_writer as module
from vital_shared.store.account_tables import ledger, spending
from vital_shared.store.admission import AdmissionRequest, budget_lock, check
from vital_shared.store.charge_writer import ChargeWriter
from vital_shared.store.conversations import Turn
from vital_shared.store.database import Database
from vital_shared.store.ledger import charges_of
from vital_shared.store.limits import LimitStore
from vital_shared.store.run_end import RunEnd

NOW = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
QUESTION = WorkflowInput(query="?", mode=WorkflowMode.MODE_2, tenant_id="acme", user_id="ann")


def nothing(_connection: Connection) -> bool:
    return True


def charge(item: str = "llm/1", nanos: int = 1_500, **fields) -> Charge:
    known = {"item": item, "cost_type": "llm", "name": "openai:gpt", "status": "success", "cost_nanos": nanos}
    return Charge(**known | fields)


def context(*charges: Charge, run_id: str = "run-1") -> RunContext:
    made = RunContext(run_id, QUESTION)
    for each in charges:
        made.add(each)
    return made


async def settle(charge_writer: ChargeWriter, a_bill: RunContext, job=nothing) -> bool:
    return await charge_writer.write(a_bill, NOW, job, lambda: None)


async def charges(database: Database, run_id: str = "run-1") -> tuple[Charge, ...]:
    async with database.connect() as connection:
        return await charges_of(connection, run_id)


async def spent(database: Database) -> dict[str, int]:
    async with database.connect() as connection:
        rows = await connection.execute(select(spending.c.period, spending.c.cost_nanos))
        return {row.period: row.cost_nanos for row in rows}


@pytest.fixture
def charge_writer(database: Database) -> ChargeWriter:
    return ChargeWriter(database)


async def test_charges_come_back_as_they_were(charge_writer: ChargeWriter, database: Database):
    whole = charge(
        tokens=Tokens(input=9, cached_input=2, cache_write=1, output=4, reasoning=3, estimated=True),
        unit_prices={"input": "0.15", "output": "0.6"},
    )
    free = charge("rag/2", 0, cost_type="rag", name="memory")
    await settle(charge_writer, context(whole, free))
    assert await charges(database) == (whole, free)
    assert await spent(database) == {"2026-11-30": 1_500, "2026-11": 1_500}


async def test_what_is_written_again_changes_nothing(charge_writer: ChargeWriter, database: Database):
    before = COST_OVERALL_DOLLARS_TOTAL.labels("2", "llm").value
    await settle(charge_writer, context(charge()))
    await settle(charge_writer, context(charge(), charge("llm/2", 10)))
    assert [each.item for each in await charges(database)] == ["llm/1", "llm/2"]
    assert (await spent(database))["2026-11"] == 1_510
    added = COST_OVERALL_DOLLARS_TOTAL.labels("2", "llm").value - before
    assert round(added * 1e9) == 1_510, "to the nano-dollar, whatever other tests have added before"


async def test_a_bill_is_settled_in_parts(charge_writer: ChargeWriter, database: Database):
    one = context(charge())
    await settle(charge_writer, one)
    assert one.unwritten == ()
    one.add(charge("llm/2", 7))
    await settle(charge_writer, one)
    assert (await spent(database))["2026-11"] == 1_507


async def test_charges_of_an_end_that_cannot_be_written_are_tried_again(
    charge_writer: ChargeWriter, database: Database
):
    def broken(_connection: Connection) -> bool:
        raise StoreError("broken")

    end = RunEnd(run_id="run-1", status="failed", finished_at=NOW)
    with pytest.raises(StoreError):
        await charge_writer.write(context(charge()), NOW, broken, lambda: None, end)
    assert await charges(database) == ()
    await settle(charge_writer, context(charge(nanos=3), run_id="run-2"))
    await charge_writer.catch_up()
    assert await charges(database) == (charge(),)
    assert (await spent(database))["2026-11"] == 1_503


async def test_who_is_cancelled_while_waiting_pays_all_the_same(
    charge_writer: ChargeWriter, database: Database
):
    may_write, written = asyncio.Event(), asyncio.Event()

    async def slowly(work):
        await may_write.wait()
        return await database._transact(work)

    database._commits._transact = slowly
    before = COST_OVERALL_DOLLARS_TOTAL.labels("2", "llm").value
    in_flight = asyncio.create_task(settle(charge_writer, context(charge(run_id := "llm/1"))))
    queued = asyncio.create_task(
        charge_writer.write(context(charge(run_id), run_id="run-2"), NOW, nothing, written.set)
    )
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in (in_flight, queued):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    may_write.set()
    await written.wait()
    assert (await spent(database))["2026-11"] == 3_000
    assert COST_OVERALL_DOLLARS_TOTAL.labels("2", "llm").value - before == pytest.approx(3e-6, abs=1e-15)


async def test_what_the_store_does_not_take_to_the_end_is_logged_in_full(tmp_path):
    (tmp_path / "no folder").write_text("")
    nowhere = Database(f"sqlite+aiosqlite:///{tmp_path / 'no folder' / 'vital.db'}", wait_seconds=0.1)
    charge_writer = ChargeWriter(nowhere)
    with pytest.raises(StoreError):
        await settle(charge_writer, context(charge()))
    with capture_logs() as logs:
        await charge_writer.aclose()
    await nowhere.aclose()
    lost = [json.loads(log["owed"]) for log in logs if log["event"] == "write_lost"]
    assert [(each["run_id"], each["payer"]["tenant_id"]) for each in lost] == [("run-1", "acme")]
    assert lost[0]["charges"][0]["cost_nanos"] == 1_500


async def test_a_loss_names_the_charge_and_its_amounts_and_no_words(tmp_path):
    (tmp_path / "no folder").write_text("")
    nowhere = Database(f"sqlite+aiosqlite:///{tmp_path / 'no folder' / 'vital.db'}", wait_seconds=0.1)
    charge_writer = ChargeWriter(nowhere)
    words = "my rash since Tuesday"
    tokens = Tokens(input=9, cached_input=2, output=4, reasoning=3, estimated=True)
    paid = charge(tokens=tokens, raw_usage={"prompt": words})
    end = RunEnd(
        run_id="run-1",
        status="failed",
        finished_at=NOW,
        output=json.dumps({"response": words}),
        error_message=words,
        cost_nanos=1_500,
        turn=Turn(session_id="talk", tenant_id="acme", user_id="ann", question=words, answer=words),
    )
    with pytest.raises(StoreError):
        await charge_writer.write(context(paid), NOW, nothing, lambda: None, end)
    with capture_logs() as logs:
        await charge_writer.aclose()
    await nowhere.aclose()
    (lost,) = [json.loads(log["owed"]) for log in logs if log["event"] == "write_lost"]
    assert words not in str(logs)
    assert (lost["run_id"], lost["payer"]["tenant_id"]) == ("run-1", "acme")
    (call,) = lost["charges"]
    assert (call["item"], call["name"], call["cost_nanos"]) == ("llm/1", "openai:gpt", 1_500)
    counted = {
        "input": 9,
        "cached_input": 2,
        "cache_write": 0,
        "output": 4,
        "reasoning": 3,
        "estimated": True,
    }
    assert call["tokens"] == counted
    assert (lost["end"]["status"], lost["end"]["cost_nanos"]) == ("failed", 1_500)


async def test_only_so_many_runs_wait_for_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_RUNS", 2)
    (tmp_path / "no folder").write_text("")
    nowhere = Database(f"sqlite+aiosqlite:///{tmp_path / 'no folder' / 'vital.db'}", wait_seconds=0.1)
    charge_writer = ChargeWriter(nowhere)
    with capture_logs() as logs:
        for number in range(3):
            with pytest.raises(StoreError):
                await settle(charge_writer, context(charge(), run_id=f"run-{number}"))
    await nowhere.aclose()
    assert [log["run_id"] for log in logs if log["event"] == "write_lost"] == ["run-2"]


async def deadlocks(database: Database) -> int:
    async with database.begin() as connection:
        await connection.execute(text("SELECT pg_stat_clear_snapshot(), pg_stat_force_next_flush()"))
        found = await connection.execute(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
        return found.scalar_one()


@pytest.mark.thorough
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_workers_that_pay_for_the_same_tenants_do_not_lock_each_other_out(database, other):
    workers = [(each, ChargeWriter(each)) for each in (database, other)]
    tenants = [f"tenant-{number}" for number in range(40)]
    limits = LimitStore(database)
    for tenant in tenants:
        await limits.set(tenant, TenantLimits(daily_dollars=Decimal(1000)), now=NOW)
    before = await deadlocks(database)

    async def work(number: int, tenant: str, run_id: str) -> None:
        its_database, its_charge_writer = workers[number]
        whose = RunContext(run_id, QUESTION.model_copy(update={"tenant_id": tenant}))
        whose.add(charge(nanos=1))
        asking = AdmissionRequest(run_id, tenant, NOW, NOW, lambda: 1)
        admission = its_database.put(lambda connection: check(connection, asking), locks=budget_lock(tenant))
        await asyncio.gather(admission, settle(its_charge_writer, whose))

    for turn in range(10):
        async with asyncio.TaskGroup() as tasks:
            for number in (0, 1):
                for tenant in tenants if number else reversed(tenants):
                    tasks.create_task(work(number, tenant, f"run-{tenant}-{number}-{turn}"))
    async with database.connect() as connection:
        kept = await connection.scalars(select(spending.c.cost_nanos).where(spending.c.period == "2026-11"))
        assert list(kept) == [20] * len(tenants)
    assert await deadlocks(database) == before


TENANTS = 10_000


@pytest.mark.thorough
@pytest.mark.timeout(300)  # twenty thousand rows
async def test_the_ledger_is_exact_for_each_of_ten_thousand_tenants(tmp_path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'vital.db'}")
    await database.migrate()
    charge_writer = ChargeWriter(database)
    owed = {f"tenant-{number}": number * 1_001 + 1 for number in range(TENANTS)}

    async def pay(tenant: str, nanos: int) -> None:
        whose = RunContext(f"run-{tenant}", QUESTION.model_copy(update={"tenant_id": tenant}))
        whose.add(charge(nanos=nanos))
        await settle(charge_writer, whose)

    before = COST_OVERALL_DOLLARS_TOTAL.labels("2", "llm")._value
    await asyncio.gather(*(pay(tenant, nanos) for tenant, nanos in owed.items()))
    async with database.connect() as connection:
        rows = await connection.execute(select(ledger.c.tenant_id, ledger.c.cost_nanos))
        kept = await connection.execute(
            select(spending.c.tenant_id, spending.c.cost_nanos).where(spending.c.period == "2026-11")
        )
        assert {row.tenant_id: row.cost_nanos for row in rows} == owed
        assert {row.tenant_id: row.cost_nanos for row in kept} == owed
    named = {sample.labels["tenant_id"] for sample in COST_DOLLARS_TOTAL.collect()[0].samples}
    assert len(named) <= TENANT.most
    assert COST_OVERALL_DOLLARS_TOTAL.labels("2", "llm")._value - before == sum(owed.values())
    await database.aclose()


COSTS = st.lists(
    st.tuples(st.sampled_from(["llm", "tools", "rag"]), st.integers(0, 10**13)), min_size=1, max_size=8
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(runs=st.lists(COSTS, min_size=1, max_size=5))
def test_the_ledger_the_spending_and_the_counters_agree_to_the_last_digit(runs, tmp_path_factory):
    async def check() -> None:
        database = Database(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('ledger') / 'vital.db'}")
        await database.migrate()
        charge_writer = ChargeWriter(database)
        counters = [COST_OVERALL_DOLLARS_TOTAL.labels("2", kind) for kind in ("llm", "tools", "rag")]
        before = sum(each._value for each in counters)
        bills = [
            context(
                *(charge(f"{kind}/{at}", nanos, cost_type=kind) for at, (kind, nanos) in enumerate(costs)),
                run_id=f"run-{number}",
            )
            for number, costs in enumerate(runs)
        ]
        await asyncio.gather(*(settle(charge_writer, each) for each in bills))
        total = sum(each.nanos() for each in bills)
        async with database.connect() as connection:
            assert (await connection.execute(select(func.sum(ledger.c.cost_nanos)))).scalar() == total
        assert (await spent(database)).get("2026-11", 0) == total
        assert sum(each._value for each in counters) - before == total
        await database.aclose()

    asyncio.run(check())
