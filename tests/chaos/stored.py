"""Read what the replicas have stored."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from tests.chaos.postgres import ChaosPostgres

__all__ = ["LedgerRow", "ReservationWatch", "Stored", "StoredRun", "read_stored"]

_QUESTION: Final = re.compile(r"chaos-(\d+)")

POLL_SECONDS: Final = 0.25
READ_SECONDS: Final = 2.0


@dataclass(frozen=True)
class StoredRun:
    """A row of `runs`."""

    id: str
    question: int
    tenant: str
    status: str
    response: str | None
    takeovers: int
    """Workers that have lost it."""
    error: str


@dataclass(frozen=True)
class LedgerRow:
    """A call of the model in the ledger."""

    run_id: str
    item: str
    tenant: str
    estimated: bool
    nanos: int
    call: int | None
    """The provider's id of the call, where its count was received."""
    status: str


@dataclass(frozen=True)
class Stored:
    """All of it, of the tenants of the clients."""

    runs: dict[str, StoredRun]
    rows: tuple[LedgerRow, ...]
    spent_nanos: int
    reservations: int
    left_overs: dict[str, int]
    """Rows of tables that are empty once all runs have ended."""

    def runs_of(self, question: int) -> list[StoredRun]:
        """Return the runs of one question: more than one where the first was lost."""
        return [run for run in self.runs.values() if run.question == question]


async def read_stored(postgres: ChaosPostgres) -> Stored:
    """Read all of it."""
    connection = await _connect(postgres)
    try:
        runs = {row["id"]: _run(row) for row in await connection.fetch("SELECT * FROM runs")}
        rows = await connection.fetch("SELECT * FROM ledger WHERE cost_type = 'llm' AND calls > 0")
        spent = await connection.fetchval("SELECT sum(cost_nanos) FROM spending WHERE length(period) = 7")
        held = await connection.fetchval("SELECT count(*) FROM reservations")
        left = {
            table: await connection.fetchval(f"SELECT count(*) FROM {table}")
            for table in ("run_nodes", "run_calls")
        }
        return Stored(runs, tuple(map(_row, rows)), int(spent or 0), held, left)
    finally:
        await connection.close()


async def _connect(postgres: ChaosPostgres) -> Any:
    return await asyncpg.connect(
        host=postgres.folder, user="postgres", database="postgres", timeout=READ_SECONDS
    )


def _run(row: Any) -> StoredRun:
    output = None if row["output"] is None else json.loads(row["output"])
    return StoredRun(
        id=row["id"],
        question=int(_QUESTION.findall(row["input"])[-1]),
        tenant=row["tenant_id"],
        status=row["status"],
        response=None if output is None else output["response"],
        takeovers=row["takeovers"],
        error=f"{row['error_type']}: {row['error_message']}" if row["error_type"] else "",
    )


def _row(row: Any) -> LedgerRow:
    usage = json.loads(row["raw_usage"]) if row["raw_usage"] else {}
    return LedgerRow(
        run_id=row["run_id"],
        item=row["item"],
        tenant=row["tenant_id"],
        estimated=row["estimated"],
        nanos=row["cost_nanos"],
        call=usage.get("call"),
        status=row["status"],
    )


class ReservationWatch:
    """The most that each run has been seen to have reserved; what is reserved is gone with a run's end.

    :param postgres: read around the proxies, a few times a second.
    """

    def __init__(self, postgres: ChaosPostgres) -> None:
        self.nanos: dict[str, int] = {}
        self._postgres = postgres

    async def watch(self) -> None:
        """Look until cancelled; a server that does not answer is asked again."""
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._look()
            await asyncio.sleep(POLL_SECONDS)

    async def _look(self) -> None:
        """Look as long as the server answers."""
        connection = await _connect(self._postgres)
        try:
            while True:
                rows = await connection.fetch("SELECT * FROM reservations", timeout=READ_SECONDS)
                self.nanos |= self._most(rows)
                await asyncio.sleep(POLL_SECONDS)
        finally:
            connection.terminate()

    def _most(self, rows: list[Any]) -> dict[str, int]:
        return {row["run_id"]: max(row["cost_nanos"], self.nanos.get(row["run_id"], 0)) for row in rows}
