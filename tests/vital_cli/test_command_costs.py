"""`vital costs`."""

import asyncio
import json
import textwrap
from datetime import UTC, datetime

import pytest
from tests.ledger_rows import row, write
from tests.run_record import run_record
from tests.store_database import store_url

from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.models.workflow_names import BUILT_IN_CLASS
from vital_shared.store.database import Database
from vital_shared.store.runs import RunStore

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
        (("--from", "soon"), "from must be a day such as 2026-11-25"),
        (("--from", "2026-11-25", "--to", "2026-11-25"), "to must be after from"),
        (("--mode", "7"), "mode must be one of"),
        (("--type", "cpu"), "type must be one of 'llm', 'tools' or 'rag'"),
        (("--tenant", ""), "name a tenant"),
        (("--json", "--csv"), "choose one of them"),
    ],
)
def test_what_cannot_be_is_refused(vital, empty_dir, arguments, said):
    done = vital("costs", *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


STORED = (
    "vital_target_tickets.Tickets",
    "tickets.Tickets",
    BUILT_IN_CLASS,
    "vital_target_gone.Gone",
    "ai_engine.gateway.relayed_call.RelayedCall",
)
"""Names that runs are stored with: the first two are one class, from its file and as a module."""


@pytest.fixture
def workflows(empty_dir):
    """A configuration that serves a workflow, and a run of each stored name, for a dollar."""

    async def fill():
        database = Database(store_url(empty_dir))
        await database.migrate()
        request = WorkflowInput(query="?", mode=1, tenant_id="acme", user_id="ann")
        for number, stored in enumerate(STORED):
            record = run_record(request, datetime.now(UTC), f"run_{number}")
            await RunStore(database).start(record.model_copy(update={"workflow": stored}))
        await write(database, *(row(run_id=f"run_{number}") for number in range(len(STORED))))
        await database.aclose()

    asyncio.run(fill())
    (empty_dir / "tickets.py").write_text(
        textwrap.dedent("""
            from vital_shared import Workflow, node

            class Tickets(Workflow):
                @node
                async def answer(self, query: str) -> str:
                    return query
        """)
    )
    (empty_dir / "vital.toml").write_text(f'[workflows]\nhelp-desk = "{empty_dir}/tickets.py:Tickets"\n')
    return empty_dir


def by_workflow(result) -> list[tuple[str, str]]:
    lines = json.loads(result.stdout)["lines"]
    return [(line["group"]["workflow"], line["cost_dollars"]) for line in lines]


def test_workflows_are_shown_by_the_names_that_they_are_served_by(vital, workflows):
    assert by_workflow(vital("costs", "--by", "workflow", "--json")) == [
        ("base-workflow", "1"),
        ("gateway", "1"),
        ("gone.py:Gone", "1"),
        ("help-desk", "2"),
    ]
    lines = vital("costs", "--by", "tenant", "--by", "workflow", "--csv").stdout.splitlines()
    assert lines[-1].startswith("acme,help-desk,2,")


def test_costs_are_shown_by_classes_where_the_configuration_is_wrong(vital, workflows):
    (workflows / "tickets.py").unlink()
    result = vital("costs", "--by", "workflow", "--json")
    assert ("tickets.py:Tickets", "1") in by_workflow(result)
    assert "Workflows are shown by their classes" in result.stderr


def test_costs_of_a_run_that_retention_has_deleted_still_name_its_workflow(vital, empty_dir):
    async def fill():
        database = Database(store_url(empty_dir))
        await database.migrate()
        hit = row(run_id=None, item="saved", cost_nanos=0, hits=1, workflow=BUILT_IN_CLASS)
        await write(database, row(workflow=BUILT_IN_CLASS), hit)
        await database.aclose()

    asyncio.run(fill())
    assert by_workflow(vital("costs", "--by", "workflow", "--json")) == [("base-workflow", "1")]
