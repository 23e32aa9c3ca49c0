"""What a drill breaks works otherwise."""

import pytest

from vital_ops.drill.faulty_parts import FaultySource, faulty_lookup, make_fail
from vital_ops.drill.faulty_workflow import FaultyWorkflow, end_with_error
from vital_ops.drill.models import BREAKS_OFF, GOOD, MODELS
from vital_shared.errors import RunFailed, VitalError
from vital_shared.testing import question, workflow_services


@pytest.fixture
async def workflow(tmp_path):
    async with workflow_services(
        tmp_path, models=MODELS, tools=[faulty_lookup], sources=[FaultySource()]
    ) as services:
        yield FaultyWorkflow(services)


async def asked(workflow, query: str = "Is it so?", model: str = GOOD, **fields):
    return await workflow.execute_typed(question(query, model=model, **fields))


def lookup(text: str) -> list[dict]:
    return [{"name": faulty_lookup.name, "arguments": {"question": text}}]


async def test_tool_and_source_fail_only_when_asked_to(workflow):
    output = await asked(workflow, requested_tools=lookup("What?"))
    assert {"rag_failed", "tools_failed"} & set(output.degradation_reasons) == set()
    output = await asked(workflow, make_fail("What?"), requested_tools=lookup(make_fail("What?")))
    assert {"rag_failed", "tools_failed"} <= set(output.degradation_reasons)


async def test_an_answer_that_breaks_off_is_cut_short_however_often(workflow):
    for _ in range(10):
        output = await asked(workflow, model=BREAKS_OFF)
        assert "cut_off" in output.degradation_reasons


async def test_a_run_fails_only_when_asked_to(workflow):
    assert (await asked(workflow)).response
    with pytest.raises(RunFailed):
        await asked(workflow, end_with_error("Is it so?"))


async def test_the_source_that_fails_says_so():
    source = FaultySource()
    assert await source.search("What?", tenant_id="acme", limit=5) == ()
    with pytest.raises(VitalError, match="made to fail"):
        await source.search(make_fail("What?"), tenant_id="acme", limit=5)
