"""A node that runs another workflow by itself is warned of, once: that is a run of its own."""

import asyncio

from structlog.testing import capture_logs

from vital_shared import Workflow, node
from vital_shared.graph import subworkflow
from vital_shared.testing import question


class Inner(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return query.upper()


class Outer(Workflow):
    @node
    async def answer(self, query: str) -> str:
        return (await Inner(self.services).execute_typed(question(query))).response


class Whole(Workflow):
    answer = subworkflow(Inner)


async def test_a_run_within_a_node_is_warned_of_once(services):
    with capture_logs() as logs:
        await Outer(services).execute_typed(question("a"))
        await Outer(services).execute_typed(question("b"))
    (warned,) = [line for line in logs if line["event"] == "run_within_a_run"]
    assert (warned["node"], warned["workflow"]) == ("answer", "Inner")
    assert warned["hint"].endswith("part = subworkflow(Inner)")


async def test_runs_beside_each_other_and_parts_are_not_warned_of(services):
    with capture_logs() as logs:
        await asyncio.gather(*(Whole(services).execute_typed(question(text)) for text in "ab"))
    assert [line for line in logs if line["event"] == "run_within_a_run"] == []
