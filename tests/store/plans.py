"""The plans of SQLite's statements, which do not depend on how many rows there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Engine, event

from vital_shared.store.database import Database

__all__ = ["LARGE", "plan", "reads_all", "statements"]

LARGE: Final = frozenset(
    {
        "audit_log", "background_runs", "chunk_embeddings", "chunks", "conversations", "dead_letters", "documents",
        "idempotency_keys", "ledger", "limit_usage", "messages", "model_calls", "reservations", "run_calls", "run_decisions",
        "run_feedback", "run_nodes", "runs", "webhook_deliveries",
    }
)  # fmt: skip
"""The tables that grow with what is asked and stored."""

ANY_ROW: Final = "NOT (EXISTS (SELECT * \nFROM documents"
"""The part of a statement that looks whether there is a row at all, which the first one answers."""


@contextmanager
def statements() -> Iterator[dict[str, tuple[object, ...]]]:
    """Collect each statement that changes or reads rows, with its parameters."""
    seen: dict[str, tuple[object, ...]] = {}

    def note(_c: object, _u: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        if re.match("SELECT|DELETE|UPDATE|WITH", statement) and ANY_ROW not in statement:
            seen.setdefault(statement, parameters)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def plan(database: Database, statement: str, parameters: tuple[object, ...]) -> list[str]:
    """Return the steps of a statement."""
    async with database.connect() as connection:
        explained = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [str(row[3]) for row in explained]


def reads_all(steps: list[str]) -> list[str]:
    """Return the steps that read a large table from end to end, or sort all that they have found."""
    scans = [step for step in steps if (found := re.match(r"SCAN (\w+)", step)) and found[1] in LARGE]
    return scans + [step for step in steps if step == "USE TEMP B-TREE FOR ORDER BY"]
