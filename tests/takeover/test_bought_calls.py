"""Engines that die between a call's name and its row in the ledger: each call is paid for once."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.takeover.bought_flow import PRICE_DOLLARS
from tests.takeover.crash import CrashPoint
from tests.takeover.fork_server import ForkServer
from tests.takeover.line_file import LineFile
from tests.takeover.model import PRICES
from tests.takeover.trial import END_LEASES
from tests.takeover.trial_store import TrialStores

NANOS_PER_TOKEN = 10_000
PRICE_NANOS = int(PRICE_DOLLARS * 10**9)

BUDGET = (
    "INSERT INTO budgets (tenant_id, daily_nanos, updated_at) VALUES ('acme', 1000000000000, '2026-01-01')"
)
"""Enough for anything; but each call is reserved."""

MOST_POINTS = {"turn": 450, "write": 60, "call": 50}
"""About what the run comes to that nothing disturbs; beyond it an engine lives."""

points = st.sampled_from(sorted(MOST_POINTS)).flatmap(
    lambda kind: st.integers(1, MOST_POINTS[kind]).map(lambda number: CrashPoint(kind, number))
)


class Books(NamedTuple):
    """The money of one run, and the calls that were made."""

    made: Counter[str]
    """The calls that their providers have logged, by cost type."""
    rows: list[dict[str, Any]]
    """The ledger."""
    spent: int
    open_rows: int

    def faults(self) -> list[str]:
        return [*self._faulty_rows(), *self._faulty_sums()]

    def _faulty_rows(self) -> Iterator[str]:
        for kind in ("llm", "tools", "rag"):
            rows = [row for row in self.rows if row["cost_type"] == kind]
            estimates = sum(bool(row["estimated"]) for row in rows)
            # The worker may die once a call is announced, and before its request leaves: nobody knows.
            if not self.made[kind] <= len(rows) <= self.made[kind] + estimates:
                yield f"{self.made[kind]} calls of {kind} have {len(rows)} rows, {estimates} of them estimated"
            if kind != "llm":
                yield from (
                    f"{row['item']} costs {row['cost_nanos']}"
                    for row in rows
                    if row["cost_nanos"] != PRICE_NANOS
                )

    def _faulty_sums(self) -> Iterator[str]:
        exact = [row for row in self.rows if row["cost_type"] == "llm" and not row["estimated"]]
        known = Counter(json.loads(row["raw_usage"])["call"] for row in exact)
        if any(count > 1 for count in known.values()):
            yield f"a call has two rows: {known}"
        for row in exact:
            if row["cost_nanos"] != (60 + json.loads(row["raw_usage"])["call"]) * NANOS_PER_TOKEN:
                yield f"{row['item']} costs {row['cost_nanos']}"
        if self.spent != sum(row["cost_nanos"] for row in self.rows):
            yield f"the ledger says {sum(row['cost_nanos'] for row in self.rows)}, and spent is {self.spent}"
        if self.open_rows:
            yield f"{self.open_rows} rows are left"


def books(server: ForkServer, stores: TrialStores, deaths: Sequence[CrashPoint]) -> Books:
    """Let one engine after the other die at its point; the last one lives."""
    with tempfile.TemporaryDirectory(prefix="vital-bought-") as made:
        folder = Path(made)
        stores.begin(folder)
        try:
            (folder / "vital.toml").write_text(PRICES, encoding="utf-8")
            stores.change(folder, BUDGET)
            for point in (*deaths, None):
                if server.run(folder, "bought", point):
                    break
                stores.change(folder, END_LEASES)
            return _read(stores, folder)
        finally:
            stores.end(folder)


def _read(stores: TrialStores, folder: Path) -> Books:
    def number(statement: str) -> int:
        return int(stores.rows(folder, f"SELECT ({statement}) AS number")[0]["number"])

    llm = sum(line["event"] == "arrived" for line in LineFile(folder / "calls").read())
    bought = Counter(line["kind"] for line in LineFile(folder / "bought").read())
    return Books(
        bought + Counter(llm=llm),
        stores.rows(folder, "SELECT * FROM ledger"),
        number("SELECT coalesce(sum(cost_nanos), 0) FROM spending WHERE length(period) = 10"),
        number("SELECT count(*) FROM run_calls") + number("SELECT count(*) FROM reservations"),
    )


@given(deaths=st.lists(points, min_size=1, max_size=3))
@example(deaths=[CrashPoint("call", 8)])
@example(deaths=[CrashPoint("write", 30), CrashPoint("call", 3)])
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_call_is_paid_for_once_wherever_engines_die(
    engines: tuple[ForkServer, TrialStores], deaths: list[CrashPoint]
) -> None:
    assert books(*engines, deaths).faults() == []


def test_each_call_is_paid_for_once_on_postgres(on_postgres: tuple[ForkServer, TrialStores]) -> None:
    deaths = [CrashPoint("write", 30), CrashPoint("call", 3)]
    assert books(*on_postgres, deaths).faults() == []


@pytest.mark.thorough
@given(deaths=st.lists(points, min_size=1, max_size=3))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_call_is_paid_for_once_on_postgres_wherever_engines_die(
    on_postgres: tuple[ForkServer, TrialStores], deaths: list[CrashPoint]
) -> None:
    assert books(*on_postgres, deaths).faults() == []


def test_without_a_death_every_row_is_exact(engines: tuple[ForkServer, TrialStores]) -> None:
    found = books(*engines, [])
    assert found.faults() == []
    assert found.made == {"llm": 6, "tools": 1, "rag": 1}
    assert [row["item"] for row in found.rows if row["estimated"]] == []
