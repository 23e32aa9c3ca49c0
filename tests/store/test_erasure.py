"""The rows of a person, exported and erased; what is another's stays."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text, update
from tests.ledger_rows import row

from vital_shared.store.account_tables import ledger
from vital_shared.store.audit import AuditedChange
from vital_shared.store.blanking import ERASED, blank
from vital_shared.store.database import Database
from vital_shared.store.erasure import STEP_ROWS, PersonRows
from vital_shared.store.limit_tables import usage_limits
from vital_shared.store.person_export import PersonExport
from vital_shared.store.persons import find_pseudonym
from vital_shared.store.run_decision_table import run_decisions
from vital_shared.store.tables import conversations, messages, runs

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MANY = 2 * STEP_ROWS + 1


def run_row(
    run_id: str, *, tenant: str = "acme", user: str = "ann", status: str = "completed"
) -> dict[str, Any]:
    return {
        "id": run_id,
        "tenant_id": tenant,
        "user_id": user,
        "mode": "2",
        "workflow": "w",
        "plan": "p",
        "status": status,
        "last_seq": 0,
        "created_at": NOW,
        "deadline_at": NOW,
        "input": json.dumps({"query": f"words of {user}"}),
        "output": json.dumps({"response": "an answer"}),
    }


async def fill(database: Database, rows: list[dict[str, Any]]) -> None:
    async with database.begin() as connection:
        await connection.execute(insert(runs), rows)
        charges = [
            row()
            | {
                "run_id": each["id"],
                "tenant_id": each["tenant_id"],
                "user_id": each["user_id"],
                "cost_nanos": 3,
            }
            for each in rows
        ]
        await connection.execute(insert(ledger), charges)


async def users(database: Database, table: str) -> dict[str, int]:
    async with database.connect() as connection:
        statement = f"SELECT user_id, count(*) FROM {table} GROUP BY user_id"
        return dict(tuple(each) for each in await connection.execute(text(statement)))


async def test_all_steps_are_done_and_the_rows_of_others_stay(database: Database):
    mine = [run_row(f"run-{number}") for number in range(MANY)]
    others = [run_row("other-user", user="bob"), run_row("other-tenant", tenant="globex")]
    await fill(database, [*mine, *others])
    person = PersonRows(database, "acme", "ann")
    erased = await person.erase(await person.run_ids(is_open=False))
    assert (erased.runs, erased.ledger_rows) == (MANY, MANY)
    assert await users(database, "runs") == {"ann": 1, "bob": 1}
    pseudonym = await person.pseudonym()
    assert await users(database, "ledger") == {"ann": 1, "bob": 1, pseudonym: MANY}
    async with database.connect() as connection:
        assert (await connection.execute(text("SELECT sum(cost_nanos) FROM ledger"))).scalar() == 3 * (
            MANY + 2
        )


async def test_an_erasure_that_breaks_off_goes_on_under_the_same_pseudonym_until_it_is_finished(
    database: Database,
):
    await fill(database, [run_row("run-1"), run_row("run-2", status="running")])
    person = PersonRows(database, "acme", "ann")
    await person.erase(["run-1"])
    first = await person.pseudonym()
    again = PersonRows(database, "acme", "ann")
    assert await again.run_ids(is_open=True) == ("run-2",)
    assert await again.pseudonym() == first
    await again.finish(AuditedChange("person_erased", "", "acme", NOW, person="ann"))
    async with database.begin() as connection:
        assert await connection.run_sync(find_pseudonym, "acme", "ann") is None
    assert await again.pseudonym() != first


async def test_a_run_that_may_hold_erased_words_is_found_by_each_erasure_until_it_ends(database: Database):
    mine, other = run_row("mine"), run_row("other", user="bob", status="running")
    other["input"] = json.dumps({"session_id": "talk"})
    await fill(database, [mine, other])
    said = {"session_id": "talk", "tenant_id": "acme", "run_id": "mine", "role": "user", "content": "words"}
    async with database.begin() as connection:
        talk = {"session_id": "talk", "tenant_id": "acme", "user_id": "bob"}
        await connection.execute(insert(conversations).values(**talk, created_at=NOW, updated_at=NOW))
        await connection.execute(insert(messages).values(**said, user_id="ann", created_at=NOW))
    person = PersonRows(database, "acme", "ann")
    assert await person.reader_ids() == ("other",)
    await person.erase(await person.run_ids(is_open=False))
    again = PersonRows(database, "acme", "ann")
    assert await again.reader_ids() == ("other",)
    async with database.begin() as connection:
        await connection.execute(update(runs).where(runs.c.id == "other").values(status="completed"))
    assert await again.reader_ids() == ()


async def test_a_decision_on_anothers_run_is_kept_without_its_maker_and_words(database: Database):
    reason = "because ann says that it must not be"
    decision = {
        "kind": "denied",
        "subject": "c",
        "user_id": "ann",
        "reason": reason,
        "answer": None,
        "arguments": {},
    }
    bobs = run_row("run-1", user="bob") | {
        "output": json.dumps({"tool": f"the user did not approve it: {reason}"})
    }
    await fill(database, [bobs])
    async with database.begin() as connection:
        rows = [
            {"run_id": "run-1", "number": 1, "at": NOW, "decision": json.dumps(decision)},
            {
                "run_id": "run-1",
                "number": 2,
                "at": NOW,
                "decision": json.dumps(decision | {"user_id": "bob"}),
            },
        ]
        await connection.execute(insert(run_decisions), rows)
    person = PersonRows(database, "acme", "ann")
    assert (await person.erase(())).decisions == 1
    assert person.changed_runs == {"run-1"}
    async with database.connect() as connection:
        output = (await connection.execute(text("SELECT output FROM runs"))).scalar()
        kept = (
            (await connection.execute(text("SELECT decision FROM run_decisions ORDER BY number")))
            .scalars()
            .all()
        )
    assert json.loads(str(output)) == {"tool": ERASED}
    first, second = (json.loads(each) for each in kept)
    assert (first["user_id"], first["reason"]) == (await person.pseudonym(), None)
    assert (second["user_id"], second["reason"]) == ("bob", reason)


async def test_an_export_has_what_the_person_has_and_nothing_of_others(database: Database):
    await fill(database, [*(run_row(f"run-{number}") for number in range(MANY)), run_row("bobs", user="bob")])
    export = PersonExport(database, "acme", "ann")
    await export.note(NOW)
    lines = [json.loads(line) async for line in export.lines()]
    kinds = [line["kind"] for line in lines]
    assert (kinds.count("run"), kinds.count("charge")) == (MANY, MANY)
    assert "bob" not in str(lines)
    assert lines[0]["input"] == {"query": "words of ann"}
    assert [line async for line in PersonExport(database, "globex", "ann").lines()] == []


async def test_an_export_has_what_the_person_did_outside_of_stored_runs_of_its_own(database: Database):
    await fill(database, [run_row("bobs", user="bob")])
    decision = {"kind": "denied", "subject": "c", "user_id": "ann", "reason": "words of ann"}
    others = decision | {"user_id": "bob", "reason": 'bob quotes "ann"'}
    limit = {
        "id": "limit", "level": "user", "scope_id": "ann", "tenant_id": "acme", "model": "", "unit": "tokens",
        "period": "day", "amount": 5, "updated_at": NOW,
    }  # fmt: skip
    async with database.begin() as connection:
        for number, each in enumerate((decision, others)):
            of_run = {"run_id": "bobs", "number": number, "at": NOW, "decision": json.dumps(each)}
            await connection.execute(insert(run_decisions), of_run)
        await connection.execute(insert(usage_limits), [limit, limit | {"id": "b", "scope_id": "bob"}])
        charges = [row(run_id="deleted", item=f"llm/{number}", user_id="ann") for number in range(MANY)]
        await connection.execute(insert(ledger), charges)
    lines = [json.loads(line) async for line in PersonExport(database, "acme", "ann").lines()]
    kinds = Counter(line["kind"] for line in lines)
    assert kinds == {"decision": 1, "limit": 1, "charge": MANY}
    assert [line["decision"]["reason"] for line in lines if line["kind"] == "decision"] == ["words of ann"]
    assert {line["user_id"] for line in lines if line["kind"] == "charge"} == {"ann"}


@pytest.mark.parametrize(
    ("value", "texts", "blanked"),
    [
        ("no", ("no",), ERASED),
        ("not now", ("no",), "not now"),
        (
            {"a": ["x", "a long text of a person, quoted"]},
            ("a long text of a person",),
            {"a": ["x", "(erased), quoted"]},
        ),
        (7, ("7",), 7),
    ],
)
def test_only_what_a_person_wrote_is_blanked(value: Any, texts: tuple[str, ...], blanked: Any):
    assert blank(value, texts) == blanked


@given(st.text(min_size=12, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_long_text_is_found_wherever_it_stands(words: str, before: str, after: str):
    assert words not in blank([before + words + after], (words,))[0].replace(ERASED, "")
