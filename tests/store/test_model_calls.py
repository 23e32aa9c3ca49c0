"""Calls of models with their words are written with a run's charges and go with the run; SQLite and Postgres."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select
from tests.store.test_erasure import NOW as ROWS_AT
from tests.store.test_erasure import fill, run_row
from tests.store.test_runs import LATER, NOW, output, record

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import StoreError
from vital_shared.models.charge import Charge
from vital_shared.models.recorded_call import PromptMessage, RecordedCall
from vital_shared.models.retention import RetentionTable
from vital_shared.store.database import Database
from vital_shared.store.dead_letter_table import dead_letters
from vital_shared.store.erasure import PersonRows
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.model_call_table import model_calls
from vital_shared.store.model_calls import store_model_calls
from vital_shared.store.person_export import PersonExport
from vital_shared.store.retention import passes
from vital_shared.store.runs import RunStore
from vital_shared.store.tables import conversations, messages
from vital_shared.store.tables import runs as run_table


def call(item: str = "llm/1", answer: str = "Yes.", content: str = "May it?") -> RecordedCall:
    return RecordedCall(
        model="openai:m",
        node="answer",
        purpose="answer",
        prompt="answer@1",
        status="success",
        seconds=0.5,
        item=item,
        messages=(PromptMessage(role="user", content=content),),
        answer=answer,
    )


def context(run_id: str, *items: str) -> RunContext:
    """A run that has made calls."""
    made = RunContext(run_id, record(run_id).input, records_calls=True)
    for item in items:
        made.add(Charge(item=item, cost_type="llm", name="openai:m", status="success", cost_nanos=1))
        made.record(call(item, answer=f"ü\x00 {item}"))
    return made


async def store_calls(database: Database, run_id: str, *calls: RecordedCall) -> None:
    async with database.begin() as connection:
        await connection.run_sync(store_model_calls, run_id, calls)


async def run_ids(database: Database) -> set[str]:
    """The runs of which calls are stored."""
    async with database.connect() as connection:
        return set(await connection.scalars(select(model_calls.c.run_id)))


async def test_they_are_written_with_the_end_and_read_in_the_order_of_their_start(database: Database):
    store = RunStore(database)
    await store.start(record())
    made = context("run-1", "llm/2", "llm/10", "llm/1.3")
    assert await store.complete("run-1", output=output(), turn=None, now=NOW, context=made)
    calls = await store.model_calls("run-1")
    assert [each.item for each in calls] == ["llm/2", "llm/1.3", "llm/10"]
    assert calls[0] == call("llm/2", answer="ü\x00 llm/2")
    assert made.unwritten_calls == ()
    assert await store.model_calls("run-2") == ()


async def test_those_before_a_pause_are_written_with_it(database: Database):
    store = RunStore(database)
    await store.start(record())
    made = context("run-1", "llm/1")
    paused = output(status="awaiting_approval")
    await store.pause(
        "run-1", checkpoint={}, output=paused, last_seq=1, expires_at=LATER, now=NOW, context=made
    )
    assert [each.item for each in await store.model_calls("run-1")] == ["llm/1"]
    claimed = await store.claim("run-1", tenant_id="acme", now=NOW, deadline_at=LATER)
    made = context("run-1", "llm/2")
    await store.fail(
        "run-1", status="failed", error_type="model", message="No.", node=None, now=NOW, context=made,
        fence=store.fence(claimed),
    )  # fmt: skip
    assert [each.item for each in await store.model_calls("run-1")] == ["llm/1", "llm/2"]


async def test_what_is_written_again_stays_as_it_is(database: Database):
    await RunStore(database).start(record())
    await store_calls(database, "run-1", call(answer="first"))
    await store_calls(database, "run-1", call(answer="second"), call("llm/2"))
    assert [each.answer for each in await RunStore(database).model_calls("run-1")] == ["first", "Yes."]


async def test_a_run_that_was_erased_meanwhile_gets_none_and_its_charges_are_written(database: Database):
    store = RunStore(database)
    await store.start(record())
    async with database.begin() as connection:
        await connection.execute(delete(run_table))
    assert not await store.complete(
        "run-1", output=output(), turn=None, now=NOW, context=context("run-1", "llm/1")
    )
    assert await run_ids(database) == set()
    assert len(await store.charges("run-1")) == 1
    async with database.connect() as connection:
        assert (await connection.execute(select(dead_letters))).all() == []


@pytest.mark.sqlite
async def test_an_end_that_the_database_took_late_brings_them(database: Database, monkeypatch):
    """Settlements in memory have them, and those that are written to files do not."""
    store = RunStore(database)
    await store.start(record())
    made, real, away = context("run-1", "llm/1"), database.put, True

    def put(job, *rest, **named):
        def broken(connection):
            raise StoreError("away")

        return real(broken if away else job, *rest, **named)

    monkeypatch.setattr(database, "put", put)
    with pytest.raises(StoreError):
        await store.complete("run-1", output=output(), turn=None, now=NOW, context=made)
    (kept,) = store.charge_writer._kept
    assert "May it?" not in kept.settlement.to_json()
    assert kept.characters > len("May it?")
    away = False
    async with asyncio.timeout(30):
        assert await store.charge_writer.settle_all()
    assert [each.item for each in await store.model_calls("run-1")] == ["llm/1"]
    await store.charge_writer.aclose()


async def test_they_go_with_the_run_by_retention(database: Database):
    await fill(database, [run_row("old"), run_row("new")])
    async with database.begin() as connection:
        old = run_table.update().where(run_table.c.id == "old")
        await connection.execute(old.values(created_at=ROWS_AT - timedelta(days=40), finished_at=ROWS_AT))
    for run_id in ("old", "new"):
        await store_calls(database, run_id, call())
    rules = RetentionTable.model_validate({"runs": "30d"})
    for each in passes(database, KnowledgeStore(database), rules, ROWS_AT):
        await each.step()
    assert await run_ids(database) == {"new"}


async def test_an_erasure_takes_those_of_the_person_and_others_with_the_persons_words(database: Database):
    rows = [
        run_row("mine"),
        run_row("shared", user="bob") | {"input": json.dumps({"query": "q", "session_id": "of-two"})},
        run_row("apart", user="bob") | {"input": json.dumps({"query": "q", "session_id": "of-one"})},
        run_row("elsewhere", tenant="globex"),
    ]
    await fill(database, rows)
    for each in rows:
        await store_calls(database, each["id"], call(content="words of ann"))
    said = {"tenant_id": "acme", "run_id": "mine", "role": "user", "content": "words", "created_at": NOW}
    talk = {"tenant_id": "acme", "session_id": "of-two", "user_id": "bob"}
    async with database.begin() as connection:
        await connection.execute(insert(conversations), [talk | {"created_at": NOW, "updated_at": NOW}])
        await connection.execute(insert(messages), [said | {"session_id": "of-two", "user_id": "ann"}])
    person = PersonRows(database, "acme", "ann")
    await person.erase(await person.run_ids(is_open=False))
    assert await run_ids(database) == {"apart", "elsewhere"}


async def test_a_run_under_way_stores_none_after_the_erasure_of_somebody_who_spoke_in_it(database: Database):
    """Its prompt has what was said before it; its charges are written as ever."""
    store = RunStore(database)
    started = record()
    bobs = started.model_copy(
        update={"input": started.input.model_copy(update={"user_id": "bob", "session_id": "of-two"})}
    )
    await store.start(bobs)
    said = {"tenant_id": "acme", "role": "user", "content": "words", "created_at": NOW, "user_id": "ann"}
    talk = {"tenant_id": "acme", "session_id": "of-two", "user_id": "bob"}
    await fill(database, [run_row("mine")])
    async with database.begin() as connection:
        await connection.execute(insert(conversations), [talk | {"created_at": NOW, "updated_at": NOW}])
        await connection.execute(insert(messages), [said | {"session_id": "of-two", "run_id": "mine"}])
    person = PersonRows(database, "acme", "ann")
    await person.erase(await person.run_ids(is_open=False))
    made = context("run-1", "llm/1")
    assert await store.complete("run-1", output=output(), turn=None, now=NOW, context=made)
    assert await run_ids(database) == set()
    assert len(await store.charges("run-1")) == 1


async def test_an_export_has_those_of_the_persons_runs(database: Database):
    await fill(database, [run_row("mine"), run_row("others", user="bob")])
    for run_id in ("mine", "others"):
        await store_calls(database, run_id, call())
    lines = [json.loads(line) async for line in PersonExport(database, "acme", "ann").lines()]
    (exported,) = [line for line in lines if line["kind"] == "model_call"]
    assert (exported["run_id"], exported["call"]["answer"]) == ("mine", "Yes.")
    assert exported["call"]["messages"] == [{"role": "user", "content": "May it?"}]
