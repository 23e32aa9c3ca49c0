"""`vital ops dead-letters`."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from tests.store_database import store_url

from vital_shared.models.charge import Charge
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.store.account_tables import ledger
from vital_shared.store.database import Database
from vital_shared.store.dead_letters import set_aside
from vital_shared.store.ledger import Payer
from vital_shared.store.settlement import Settlement

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PAYER = Payer(tenant_id="acme", user_id="ann", mode=WorkflowMode.MODE_2, agent_id="generalist")


def with_database(folder, work):
    async def run():
        database = Database(store_url(folder))
        await database.migrate()
        try:
            return await database.put(work)
        finally:
            await database.aclose()

    return asyncio.run(run())


@pytest.fixture
def set_aside_two(empty_dir):
    """A charge that is negative, and one that is right by now."""

    def write(connection):
        for number, nanos in enumerate((-5, 7), 1):
            known = {"item": f"llm/{number}", "cost_type": "llm", "name": "m", "status": "success"}
            charge = Charge(**known).model_copy(update={"cost_nanos": nanos})
            set_aside(
                connection,
                Settlement(run_id="run-1", payer=PAYER, at=NOW, charges=(charge,)),
                "It fails.",
                NOW,
            )

    with_database(empty_dir, write)


def test_nothing_set_aside_is_said(vital, empty_dir):
    done = vital("ops", "dead-letters", "list")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "There is nothing" in done.stderr


def test_what_was_set_aside_is_listed_and_shown_whole(vital, set_aside_two):
    listed = vital("ops", "dead-letters", "list").stdout
    assert "It fails." in listed
    assert [
        letter["item"] for letter in json.loads(vital("ops", "dead-letters", "list", "--json").stdout)
    ] == [
        "llm/1",
        "llm/2",
    ]
    shown = vital("ops", "dead-letters", "show", "1").stdout
    assert '"cost_nanos": -5' in shown
    assert vital("ops", "dead-letters", "show", "9").exit_code == 2


def test_all_are_retried_and_what_is_refused_again_fails_the_command(vital, set_aside_two, empty_dir):
    done = vital("ops", "dead-letters", "retry", "--all", "--json")
    assert done.exit_code == 1
    assert [(each["resolved"], each["attempts"]) for each in json.loads(done.stdout)] == [
        (None, 2),
        ("written", 1),
    ]
    rows = with_database(
        empty_dir, lambda connection: connection.execute(select(ledger.c.item, ledger.c.cost_nanos)).all()
    )
    assert rows == [("llm/2", 7)]
    (left,) = json.loads(vital("ops", "dead-letters", "list", "--json").stdout)
    assert left["item"] == "llm/1"


def test_one_that_is_discarded_is_closed_for_good(vital, set_aside_two):
    assert vital("ops", "dead-letters", "discard", "1").exit_code == 0
    for command in ("discard", "retry"):
        done = vital("ops", "dead-letters", command, "1")
        assert (done.exit_code, "discarded already" in done.stderr) == (2, True)
    assert "discarded" in vital("ops", "dead-letters", "list", "--resolved").stdout
    assert "llm/1" not in vital("ops", "dead-letters", "list").stdout


@pytest.mark.parametrize("arguments", [(), ("1", "--all")])
def test_one_says_what_to_retry(vital, empty_dir, arguments):
    done = vital("ops", "dead-letters", "retry", *arguments)
    assert done.exit_code == 2
    assert "say which" in " ".join(done.stderr.split())


@pytest.mark.parametrize("number", ["7", "0", "99999999999999999999999"])
def test_a_number_that_none_has_is_said_to_be_unknown(vital, empty_dir, number):
    done = vital("ops", "dead-letters", "discard", number)
    assert (done.exit_code, f"There is no dead letter {number}" in done.stderr) == (2, True)
