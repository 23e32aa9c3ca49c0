"""A store that fails when a test says so, and what runs owe to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select
from tests.run_record import run_record

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import StoreError
from vital_shared.models.charge import Charge
from vital_shared.models.workflow_io import Cost, Timings, WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.store.database import Database
from vital_shared.store.ledger import Payer
from vital_shared.store.run_end import RunEnd
from vital_shared.store.runs import RunStore
from vital_shared.store.settlement import Settlement
from vital_shared.store.spool import Spool
from vital_shared.store.tables import runs as runs_table

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
QUESTION = WorkflowInput(query="?", mode=WorkflowMode.MODE_2, tenant_id="acme", user_id="ann")


class Store:
    """A store that is away when a test says so."""

    def __init__(self, database: Database, spool: Spool | None = None) -> None:
        self.database = database
        self.away = 0
        """Transactions that fail from now on."""
        self.unconfirmed = 0
        """Transactions behind those that are done, and whose answers do not arrive."""
        self.runs = RunStore(database, spool, worker="worker-1")
        self._transact = database._commits._transact
        database._commits._transact = self.transact

    async def transact(self, work: Callable[[Connection], list[object]]) -> list[object]:
        if self.away:
            self.away -= 1
            raise StoreError("The database is away.")
        done = await self._transact(work)
        if self.unconfirmed:
            self.unconfirmed -= 1
            raise StoreError("The database is away.")
        return done

    async def start(self, run_id: str, max_cost_nanos: int = 0) -> RunContext:
        record = run_record(QUESTION, NOW, run_id)
        await self.runs.start(record, lambda: max_cost_nanos)
        return RunContext(run_id, QUESTION)

    async def pause(self, context: RunContext) -> bool:
        output = WorkflowOutput(
            run_id=context.run_id,
            mode=WorkflowMode.MODE_2,
            tenant_id="acme",
            agent_id="expert",
            status="awaiting_approval",
            response="",
            cost=Cost(),
            timings=Timings(total_seconds=1.0),
            cache_status="bypass",
        )
        return await self.runs.pause(
            context.run_id,
            checkpoint={},
            output=output,
            last_seq=1,
            expires_at=NOW + timedelta(hours=1),
            now=NOW,
            context=context,
            fence=context.fence,
        )

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

    async def settled(self) -> None:
        """Wait until nothing is owed any more."""
        charge_writer = self.runs.charge_writer
        while charge_writer._in_flight or charge_writer._kept:
            await asyncio.sleep(0)
            await charge_writer.catch_up()

    async def rows(self, statement) -> list:
        async with self.database.connect() as connection:
            return list((await connection.execute(statement)).all())

    async def status(self, run_id: str) -> str:
        return (await self.rows(select(runs_table.c.status).where(runs_table.c.id == run_id)))[0][0]


@asynccontextmanager
async def running_store(database: Database, folder: Path) -> AsyncIterator[Store]:
    """Give a store that spools into a folder."""
    made = Store(database, Spool(folder))
    yield made
    await made.runs.charge_writer.aclose()


def charge(item: str = "llm/1", nanos: int = 7, **poison: object) -> Charge:
    fields = Charge(item=item, cost_type="llm", name="m", status="success", cost_nanos=nanos)
    return Charge.model_construct(**dict(fields) | poison)


def owed_end(run_id: str) -> Settlement:
    payer = Payer(tenant_id="acme", user_id="ann", mode=WorkflowMode.MODE_2, agent_id="general")
    return Settlement(
        run_id=run_id, payer=payer, at=NOW, end=RunEnd(run_id=run_id, status="failed", finished_at=NOW)
    )
