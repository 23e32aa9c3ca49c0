"""`vital costs`."""

import asyncio
import json

import pytest
from tests.ledger_rows import row, write
from tests.store_database import store_url

from vital_shared.store.database import Database

ROWS = (
    row(cost_nanos=1_500_000_000, unit_prices=None),
    row(tenant_id="globex", cost_nanos=10**13, name="=canned"),
    row(tenant_id="globex", cost_type="rag", name="medline", cost_nanos=1),
)


@pytest.fixture
def spent(empty_dir):
    async def fill():
        database = Database(store_url(empty_dir))
        await database.migrate()
        await write(database, *ROWS)
        await database.aclose()

    asyncio.run(fill())


def test_a_table_ends_with_the_total(vital, spent):
    lines = vital("costs", "--by", "tenant", "--by", "model").stdout.split("\n")
    rows = [line.split() for line in lines if line.strip()]
    assert rows[0][:4] == ["tenant", "model", "cost", "$"]
    assert [line[:3] for line in rows[2:]] == [
        ["acme", "canned", "1.5"],
        ["globex", "=canned", "10,000"],
        ["globex", "-", "0.000000001"],
        ["total", "10,001.500000001", "0"],
    ]


def test_without_groups_there_is_the_total_alone(vital, spent):
    fields = dict(line.rsplit(maxsplit=1) for line in vital("costs", "--tenant", "acme").stdout.splitlines())
    assert fields["cost $"] == "1.5"
    assert (fields["calls"], fields["unpriced"], fields["input"]) == ("1", "1", "10")


def test_json_and_csv_are_for_programs(vital, spent):
    report = json.loads(vital("costs", "--by", "type", "--json").stdout)
    assert [line["group"] for line in report["lines"]] == [{"type": "llm"}, {"type": "rag"}]
    assert report["total"]["cost_dollars"] == "10001.500000001"
    lines = vital("costs", "--by", "model", "--csv", "--tenant", "globex").stdout.splitlines()
    assert lines[0].startswith("model,cost_dollars,saved_dollars,calls,")
    assert lines[1].startswith("'=canned,10000,")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("filters", "cost"),
    [
        (("--from", "2026-11-26"), "0"),
        (("--to", "2026-11-26", "--type", "rag"), "0.000000001"),
        (("--mode", "2"), "0"),
        (("--agent", "generalist", "--tenant", "acme"), "1.5"),
    ],
)
def test_filters_narrow_it_down(vital, spent, filters, cost):
    assert json.loads(vital("costs", "--json", *filters).stdout)["total"]["cost_dollars"] == cost


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "colour"), "--by"),
        (("--from", "soon"), "from is not valid: must be a day such as 2026-11-25"),
        (("--from", "2026-11-25", "--to", "2026-11-25"), "to is not valid: must be after from"),
        (("--mode", "7"), "mode is not valid"),
        (("--type", "cpu"), "type is not valid"),
        (("--tenant", ""), "name a tenant"),
        (("--json", "--csv"), "choose one of them"),
    ],
)
def test_what_cannot_be_is_refused(vital, empty_dir, arguments, said):
    done = vital("costs", *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
