"""Rows of the ledger, made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert

from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    """A call of a model by acme, for a dollar."""
    return {
        "run_id": "run",
        "item": "llm/1",
        "tenant_id": "acme",
        "user_id": "ann",
        "mode": "1",
        "agent_id": "generalist",
        "cost_type": "llm",
        "name": "canned",
        "status": "success",
        "calls": 1,
        "input_tokens": 10,
        "cached_input_tokens": 4,
        "cache_write_tokens": 0,
        "output_tokens": 5,
        "reasoning_tokens": 2,
        "estimated": False,
        "unit_prices": "{}",
        "cost_nanos": 10**9,
        "saved_nanos": 0,
        "hits": 0,
        "at": NOON,
    } | changes


async def write(database: Database, *rows: dict[str, Any]) -> None:
    """Add rows, each as an item of its own."""
    numbered = [each | {"item": f"{number}/{each['item']}"} for number, each in enumerate(rows)]
    async with database.begin() as connection:
        await connection.execute(insert(ledger), numbered)
