"""Subclassing, and the library's face."""

import asyncio
import subprocess
import sys

import pytest

from vital_shared import BaseWorkflow, mermaid, node
from vital_shared.graph import PlanError
from vital_shared.models.answer import Answer
from vital_shared.testing import CannedModel, question

SEED = """
import asyncio
# Metrics are AUTOMATIC! Just use the workflow:
from vital_shared import BaseWorkflow
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode

class MyModeWorkflow(BaseWorkflow):
    pass

async def main():
    workflow = MyModeWorkflow()
    input = WorkflowInput(
        query="...",
        mode=WorkflowMode.MODE_1,
        tenant_id="tenant-123",
        user_id="user-456"
    )
    result = await workflow.execute_typed(input)
    print(result.status, result.quality_score, result.degradation_reasons, result.warnings)

asyncio.run(main())
"""


def test_the_engineers_example_runs_and_leaves_nothing_open(tmp_path):
    """In a process of its own, with nobody calling aclose and every resource warning an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", SEED],
        env={"VITAL_DATA_DIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("completed")
    assert "Exception ignored" not in done.stderr
    assert (tmp_path / "vital.db").exists()


async def test_default_services_are_shared_and_closed_by_the_last(tmp_path, monkeypatch):
    monkeypatch.setenv("VITAL_DATA_DIR", str(tmp_path))
    one, two = BaseWorkflow(), BaseWorkflow()
    await asyncio.gather(*(w.execute_typed(question("hello there", mode=2)) for w in (one, two, one)))
    assert one.services is two.services
    services = one.services
    await one.aclose()
    await one.aclose()
    await services.database.ping()
    assert (await two.execute_typed(question("hello again", mode=2))).status == "completed"
    await two.aclose()
    with pytest.raises(RuntimeError, match="first run"):
        _ = two.services
    async with BaseWorkflow() as three:
        assert three.services is not services


async def test_a_subclass_adds_a_node_that_reads_inputs_and_values(services):
    seen = []

    class Mine(BaseWorkflow):
        @node
        async def noted(self, answer: Answer, query: str, tenant_id: str, run_id: str) -> int:
            seen.append((answer.text, query, tenant_id, run_id))
            return 1

    output = await Mine(services).execute_typed(question("Why?", model="canned"))
    assert seen == [("It takes 42 days [1].", "Why?", "acme", output.run_id)]
    assert "noted" in [timing.node for timing in output.timings.nodes]


async def test_a_subclass_replaces_a_node_and_calls_the_old_one(services):
    class Louder(BaseWorkflow):
        async def question(self, query: str, history: tuple = ()) -> str:
            return (await super().question(query, history)).upper()

    await Louder(services).execute_typed(question("How long?", model="canned"))
    assert services.models.get("canned").model.requests[0].question == "HOW LONG?"


async def test_a_subclass_drops_a_node(services):
    class NoCheck(BaseWorkflow):
        quality = None

    output = await NoCheck(services).execute_typed(question("How long?", model="canned"))
    assert output.groundedness is None
    assert output.response == "It takes 42 days [1]."


def test_a_wrong_subclass_is_reported_when_it_is_defined():
    with pytest.raises(
        PlanError, match=r"node 'Wrong.mine' \(test_base_workflow.py:\d+\) needs 'anser'.*'answer'"
    ):

        class Wrong(BaseWorkflow):
            @node
            async def mine(self, anser: Answer) -> str:
                return ""

    with pytest.raises(PlanError, match="load_agent"):

        class Without(BaseWorkflow):
            load_agent = None


def test_the_graph_prints():
    text = mermaid(BaseWorkflow.plan)
    assert "load_agent --> answer" in text
    assert "passages -.-> answer" in text
    roots = {BaseWorkflow.plan.nodes[i].name for i in BaseWorkflow.plan.roots}
    assert {"load_agent", "history", "rag_sources", "tool_suggestion"} <= roots


async def test_many_runs_of_one_workflow_do_not_mix(services):
    workflow = BaseWorkflow(services)
    asked = [question(f"Question number {n}?", tenant_id=f"t{n}", model="canned") for n in range(20)]
    outputs = await asyncio.gather(*(workflow.execute_typed(one) for one in asked))
    assert [output.tenant_id for output in outputs] == [f"t{n}" for n in range(20)]
    assert len({output.run_id for output in outputs}) == 20


async def test_a_slow_reader_slows_the_model_down(open_services):
    pulled = 0

    class Endless(CannedModel):
        async def stream(self, request):
            nonlocal pulled
            async for event in super().stream(request):
                pulled += 1
                yield event

    services = await open_services(models=[Endless(" ".join(["word"] * 5000))])
    stream = BaseWorkflow(services).execute_stream(question("x", model="canned"))
    async for event in stream:
        if event.type == "token":
            break
    for _ in range(2000):  # the reader reads nothing, however often the model could go on
        await asyncio.sleep(0)
    assert pulled < 500
    rest = [event async for event in stream if event.type == "token"]
    assert 1 + len(rest) == 5000
