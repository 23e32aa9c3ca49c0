"""What hits have saved, summed and written behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from structlog.testing import capture_logs

from vital_shared.store import savings as module
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database
from vital_shared.store.savings import Savings, _Key

NOW = datetime(2026, 11, 25, 12, 0, 0, 250_000, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def rows(database: Database):
    async with database.connect() as connection:
        return (
            (await connection.execute(select(ledger).order_by(ledger.c.at, ledger.c.name))).mappings().all()
        )


def hit(
    savings: Savings,
    model: str = "openai:gpt",
    tenant: str = "acme",
    nanos: int = 5,
    workflow: str = "tickets.Tickets",
) -> None:
    savings.add(tenant_id=tenant, mode="2", model=model, workflow=workflow, calls=2, nanos=nanos)


async def test_hits_of_a_second_are_one_row(database: Database):
    clock = Clock()
    savings = Savings(database, clock)
    for _ in range(1_000):
        hit(savings)
    hit(savings, tenant="globex")
    clock.now += timedelta(seconds=1)
    hit(savings)
    await savings.flush()
    found = {(row["tenant_id"], row["at"].second): row for row in await rows(database)}
    assert {key: (row["hits"], row["calls"], row["saved_nanos"]) for key, row in found.items()} == {
        ("acme", 0): (1_000, 2_000, 5_000),
        ("globex", 0): (1, 2, 5),
        ("acme", 1): (1, 2, 5),
    }
    assert {row["cost_nanos"] for row in found.values()} == {0}


async def test_a_sum_is_never_more_than_its_column_holds(database: Database):
    savings = Savings(database, Clock())
    hit(savings, nanos=2**70)
    hit(savings, tenant="globex")
    await savings.flush()
    saved = {row["tenant_id"]: row["saved_nanos"] for row in await rows(database)}
    assert saved == {"acme": 2**63 - 1, "globex": 5}


async def test_no_error_of_a_write_ends_the_clock_that_calls_it(database: Database, monkeypatch):
    savings = Savings(database, Clock())
    hit(savings)
    with monkeypatch.context() as broken:
        broken.setattr(module, "insert", lambda _table: 1 / 0)
        await savings.flush()
    await savings.flush()
    assert len(await rows(database)) == 1


async def test_nothing_is_written_twice(database: Database):
    savings = Savings(database, Clock())
    hit(savings)
    await savings.flush()
    await savings.flush()
    await savings.aclose()
    assert [row["hits"] for row in await rows(database)] == [1]


async def rename(database: Database, old: str, new: str) -> None:
    """Take the ledger away, or bring it back."""
    async with database.begin() as connection:
        await connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


async def test_what_the_store_does_not_take_is_written_later(database: Database):
    savings = Savings(database, Clock())
    hit(savings)
    await rename(database, "ledger", "away")
    await savings.flush()
    hit(savings)
    await rename(database, "away", "ledger")
    await savings.flush()
    assert [(row["hits"], row["saved_nanos"]) for row in await rows(database)] == [(2, 10)]


async def test_what_is_never_taken_is_logged(database: Database):
    savings = Savings(database, Clock())
    hit(savings)
    await rename(database, "ledger", "away")
    with capture_logs() as logs:
        await savings.aclose()
    assert [(log["sums"], log["nanos"]) for log in logs] == [(1, 5)]


async def test_a_store_that_is_away_does_not_let_the_sums_grow_for_ever(database: Database, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING_SUMS", 2)
    savings = Savings(database, Clock())
    for model in ("a", "b", "c", "a"):
        hit(savings, model)
    with capture_logs() as logs:
        await savings.flush()
    assert [log["hits"] for log in logs] == [1]
    assert [(row["name"], row["hits"]) for row in await rows(database)] == [("a", 2), ("b", 1)]


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("12"), st.integers(0, 10**12), st.integers(0, 3))
    )
)
def test_sums_are_exact(hits):
    clock = Clock()
    savings = Savings(None, clock)  # type: ignore[arg-type]
    expected: dict[tuple[str, str, datetime], int] = {}
    for tenant, mode, nanos, seconds in hits:
        clock.now += timedelta(seconds=seconds)
        savings.add(tenant_id=tenant, mode=mode, model="m", workflow="w", calls=1, nanos=nanos)
        key = _Key(tenant, mode, "m", "w", clock.now.replace(microsecond=0))
        expected[key] = expected.get(key, 0) + nanos
    assert {key: kept.nanos for key, kept in savings._sums.items()} == expected
