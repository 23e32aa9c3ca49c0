"""A store to report on, on SQLite and on Postgres, and rows to put into it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from tests.store.conftest import database, url

from vital_shared.store.account_tables import budgets, ledger, spending
from vital_shared.store.database import Database
from vital_shared.store.request_counts import RequestCounts

__all__ = ["NOW", "Rows", "database", "rows", "url"]

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)

NANOS = 1_000_000_000


class Rows:
    """Writes rows as the engine does, with what a test does not say filled in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._number = 0
        self._at = NOW
        self._counts = RequestCounts(database, lambda: self._at)

    async def run(
        self, outcome: str = "success", *, ago: timedelta = timedelta(hours=1), **fields: Any
    ) -> None:
        await self.runs([{"outcome": outcome, "at": NOW - ago, **fields}])

    async def runs(self, many: list[dict[str, Any]]) -> None:
        """Requests that have ended, with the values of `RequestCounts.add`."""
        for each in many:
            self._at = each["at"]
            self._counts.add(**self._request(**{name: each[name] for name in each if name != "at"}))
        await self._counts.flush()

    def _request(self, **fields: Any) -> dict[str, Any]:
        answered = fields["outcome"] in ("success", "degraded")
        return {
            "tenant_id": "acme",
            "mode": "2",
            "cache_status": "bypass",
            "seconds": 1.0,
            "quality": 1.0 if answered else None,
        } | fields

    async def charge(self, dollars: float = 0, *, ago: timedelta = timedelta(hours=1), **fields: Any) -> None:
        """A row of the ledger; one without a run is what the cache has spared."""
        self._number += 1
        zero = dict.fromkeys(
            (
                "input_tokens",
                "cached_input_tokens",
                "cache_write_tokens",
                "output_tokens",
                "reasoning_tokens",
            ),
            0,
        )
        row = {
            "run_id": f"run-{self._number}",
            "item": f"item-{self._number}",
            "tenant_id": "acme",
            "user_id": "ann",
            "mode": "2",
            "agent_id": "generalist",
            "cost_type": "llm",
            "name": "gpt-5",
            "status": "success",
            "calls": 1,
            "estimated": False,
            "cost_nanos": round(dollars * NANOS),
            "saved_nanos": 0,
            "hits": 0,
            "at": NOW - ago,
        }
        await self._insert(ledger, [zero | row | fields])

    async def budget(self, tenant: str, daily: float | None, monthly: float | None, **spent: float) -> None:
        """A budget, and what was spent on days, written as ``d11_25``."""
        limits = [None if limit is None else round(limit * NANOS) for limit in (daily, monthly)]
        await self._insert(
            budgets,
            [{"tenant_id": tenant, "daily_nanos": limits[0], "monthly_nanos": limits[1], "updated_at": NOW}],
        )
        months: dict[str, int] = {}
        for day, dollars in spent.items():
            month, _, date = day.removeprefix("d").partition("_")
            months[f"2026-{month}-{date}"] = round(dollars * NANOS)
            months[f"2026-{month}"] = months.get(f"2026-{month}", 0) + round(dollars * NANOS)
        if months:
            await self._insert(
                spending,
                [{"tenant_id": tenant, "period": key, "cost_nanos": nanos} for key, nanos in months.items()],
            )

    async def _insert(self, table: Any, many: list[dict[str, Any]]) -> None:
        async with self._database.begin() as connection:
            await connection.execute(insert(table), many)


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)
