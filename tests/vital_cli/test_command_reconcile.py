"""`vital costs reconcile`."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from tests.ledger_rows import row, write
from tests.store_database import store_url

from vital_shared.store.database import Database

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HEAD = "start_time_iso,amount_value,amount_currency,line_item\n"
SAME = HEAD + '2026-11-25T00:00:00+00:00,1.500000001,usd,"gpt-4o-2024-08-06, input"\n'


@pytest.fixture
def spent(empty_dir):
    async def fill():
        database = Database(store_url(empty_dir))
        await database.migrate()
        await write(
            database,
            row(name="openai:gpt-4o", cost_nanos=1_000_000_001, at=NOON),
            row(tenant_id="globex", name="openai:gpt-4o", cost_nanos=500_000_000, at=NOON),
            row(name="anthropic:claude-haiku-4-5", cost_nanos=7, at=NOON),
        )
        await database.aclose()

    asyncio.run(fill())


@pytest.fixture
def export(tmp_path):
    def write_export(text):
        path = tmp_path / "export.csv"
        path.write_text(text)
        return str(path)

    return write_export


def test_it_ends_well_where_both_sides_are_the_same(vital, spent, export):
    done = vital("costs", "reconcile", export(SAME))
    assert done.exit_code == 0, done.stderr
    assert "are the same from 2026-11-25 to 2026-11-25" in done.stderr


def test_differences_are_shown_and_end_with_one(vital, spent, export):
    done = vital("costs", "reconcile", export(SAME.replace("1.500000001", "1.6")))
    assert done.exit_code == 1
    (shown,) = (each.split() for each in done.stdout.splitlines() if "2026" in each)
    assert shown == ["2026-11-25", "gpt-4o", "dollars", "1.500000001", "1.6", "+0.099999999"]
    allowed = vital("costs", "reconcile", export(SAME.replace("1.500000001", "1.6")), "--tolerance", "0.1")
    assert allowed.exit_code == 0


def test_json_has_every_amount(vital, spent, export):
    done = vital("costs", "reconcile", export(SAME.replace("1.500000001", "1")), "--json", "--whole")
    assert done.exit_code == 1
    (line,) = json.loads(done.stdout)["lines"]
    assert (line["day"], line["ledger"], line["difference"]) == (None, "1.500000001", "-0.500000001")


@pytest.fixture
def searched(spent, empty_dir):
    async def fill():
        database = Database(store_url(empty_dir))
        await write(
            database,
            row(run_id="searching", name="pinecone", cost_type="rag", cost_nanos=2_500_000, at=NOON),
            row(run_id="searching", name="pinecone", cost_type="rag", cost_nanos=500_000, at=NOON),
            row(run_id="searching", name="calculator", cost_type="tools", cost_nanos=0, at=NOON),
            row(
                run_id="searching",
                name="web_search",
                cost_type="tools",
                cost_nanos=7_000_000,
                at=NOON.replace(day=26),
            ),
        )
        await database.aclose()

    asyncio.run(fill())


def test_costs_of_searches_are_named_and_not_compared(vital, searched, export):
    remark = "The ledger's 0.003 dollars of searches in sources (rag) are not compared: no model's provider bills them."
    done = vital("costs", "reconcile", export(SAME))
    assert done.exit_code == 0, done.stderr
    assert remark in " ".join(done.stderr.split())
    assert "of tools" not in done.stderr
    done = vital("costs", "reconcile", export(SAME), "--json")
    assert json.loads(done.stdout)["left_out"] == [remark]


def test_the_provider_may_be_named(vital, spent, export):
    text = "date,model,cost_usd\n2026-11-25,claude-haiku-4-5-20251001,0.000000007\n"
    assert vital("costs", "reconcile", export(text)).exit_code == 2
    assert vital("costs", "reconcile", export(text), "--provider", "anthropic").exit_code == 0


@pytest.mark.parametrize(
    ("text", "arguments"),
    [("nothing", ()), (HEAD, ()), (SAME, ("--tolerance", "-1")), (SAME, ("--tolerance", "x"))],
)
def test_wrong_input_ends_with_two(vital, spent, export, text, arguments):
    assert vital("costs", "reconcile", export(text), *arguments).exit_code == 2
