"""A prepared statement does what SQLAlchemy would do with it, on SQLite and on Postgres."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, insert, select, update

from vital_shared.errors import StoreError
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database
from vital_shared.store.prepared import Prepared
from vital_shared.store.upsert import upsert

COLUMNS = [column.name for column in ledger.c if not column.primary_key]
AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
ROW = {
    "run_id": "run_1",
    "item": "llm/1",
    "tenant_id": "acme",
    "user_id": "ann",
    "mode": "2",
    "agent_id": "generalist",
    "cost_type": "llm",
    "name": "m",
    "workflow": "w",
    "status": "success",
    "calls": 1,
    "input_tokens": 1,
    "cached_input_tokens": 0,
    "cache_write_tokens": 0,
    "output_tokens": 2,
    "reasoning_tokens": 0,
    "estimated": True,
    "unit_prices": None,
    "cost_nanos": 2**40,
    "clamped": False,
    "raw_usage": '{"a": "\N{GREEK SMALL LETTER MU}"}',
    "provider_cost_nanos": None,
    "saved_nanos": 0,
    "hits": 0,
    "node": "answer",
    "at": AT,
}


async def stored(database: Database) -> list[dict[str, object]]:
    async with database.connect() as connection:
        rows = await connection.execute(select(ledger).order_by(ledger.c.id))
        return [dict(row) for row in rows.mappings()]


async def test_rows_come_back_as_they_were_written(database: Database):
    plain, prepared = insert(ledger), Prepared(insert(ledger), COLUMNS)
    await database.put(lambda connection: connection.execute(plain, ROW).rowcount)
    assert await database.put(lambda connection: prepared.execute(connection, ROW | {"item": "llm/2"})) == 1
    first, second = await stored(database)
    assert {**second, "id": 0, "item": ""} == {**first, "id": 0, "item": ""}
    assert second["at"] == AT


async def test_only_new_rows_are_returned(database: Database):
    statement = upsert(ledger, database.dialect).on_conflict_do_nothing(index_elements=["run_id", "item"])
    prepared = Prepared(statement.returning(ledger.c.item), COLUMNS)
    rows = [ROW, ROW | {"item": "llm/2"}]
    await database.put(lambda connection: prepared.returned(connection, rows[:1]))
    assert await database.put(lambda connection: prepared.returned(connection, rows)) == ["llm/2"]
    assert len(await stored(database)) == 2


async def test_an_update_says_how_many_rows_it_has_changed(database: Database):
    await database.put(lambda connection: connection.execute(insert(ledger), ROW).rowcount)
    prepared = Prepared(
        update(ledger)
        .where(ledger.c.item == bindparam("of"), ledger.c.status == "success")
        .values(status=bindparam("to", type_=ledger.c.status.type))
    )
    values = {"of": "llm/1", "to": "failed"}
    for expected in (1, 0):
        assert await database.put(lambda connection: prepared.execute(connection, values)) == expected


async def test_what_the_database_refuses_is_one_sentence(database: Database):
    prepared = Prepared(insert(ledger), COLUMNS)
    with pytest.raises(StoreError, match="refused"):
        await database.put(lambda connection: prepared.execute(connection, ROW | {"item": None}))
    assert await database.put(lambda connection: prepared.execute(connection, ROW)) == 1
