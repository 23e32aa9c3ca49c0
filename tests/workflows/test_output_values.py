"""The values of a workflow's own nodes are in its output: made, streamed, cached and stored alike."""

from dataclasses import dataclass

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from vital_shared import BaseWorkflow, fan_out, node
from vital_shared.models.answer import Answer
from vital_shared.models.event import RunFinished
from vital_shared.testing import CannedModel, question, workflow_services
from vital_shared.workflows.output_values import MAX_VALUE_BYTES


class Party(BaseModel):
    name: str


@dataclass
class Term:
    days: int


class Contract(BaseWorkflow):
    """Makes values of many types."""

    @node
    async def length(self, answer: Answer) -> int:
        return len(answer.text)

    @node
    async def parties(self, answer: Answer) -> list[Party]:
        return [Party(name="Acme"), Party(name="Globex")]

    @node
    async def term(self, answer: Answer) -> Term:
        return Term(90)

    @node
    async def nothing(self, answer: Answer) -> None:
        return None

    @node
    async def letters(self) -> list[str]:
        return ["a", "b"]

    @fan_out("letter", over="letters")
    async def shouted(self, letter: str) -> str:
        if letter == "b":
            raise ValueError("no b")
        return letter.upper()


@pytest.fixture
async def services(tmp_path):
    async with workflow_services(
        tmp_path, models=[CannedModel("It takes 90 days.")], cache_entries=9
    ) as services:
        yield services


def asked():
    return question("How long?", model="canned", enable_rag=False)


async def test_an_output_has_the_values_of_own_nodes_alone(services):
    output = await Contract(services).execute_typed(asked())
    values = dict(output.values)
    first, second = values.pop("shouted")
    assert values == {
        "length": len(output.response),
        "parties": [{"name": "Acme"}, {"name": "Globex"}],
        "term": {"days": 90},
        "nothing": None,
        "letters": ["a", "b"],
    }
    assert (first["value"], "no b" in str(second)) == ("A", True)
    assert (await BaseWorkflow(services).execute_typed(asked())).values == {}


class Counted(BaseWorkflow):
    @node
    async def length(self, answer: Answer) -> int:
        return len(answer.text)


async def test_streamed_cached_and_stored_outputs_have_the_same_values(services):
    workflow = Counted(services)
    last = [event async for event in workflow.execute_stream(asked())][-1]
    assert isinstance(last, RunFinished)
    again = await workflow.execute_typed(asked())
    assert again.cache_status == "hit"
    stored = await services.runs.get(last.run_id, tenant_id=None, now=services.now())
    expected = {"length": len(last.output.response)}
    assert last.output.values == again.values == stored.output.values == expected


class Odd(BaseWorkflow):
    """Makes what JSON has no form for."""

    @node
    async def handle(self, answer: Answer) -> object:
        return object()

    @node
    async def endless(self, answer: Answer) -> list[object]:
        loop: list[object] = []
        loop.append(loop)
        return loop

    @node
    async def surrogate(self, answer: Answer) -> str:
        return "\ud800"

    @node
    async def large(self, answer: Answer) -> str:
        return "x" * (MAX_VALUE_BYTES + 1)

    @node
    async def binary(self, answer: Answer) -> bytes:
        return b"\xff"

    @node
    async def infinite(self, answer: Answer) -> float:
        return float("inf")


async def test_what_json_cannot_hold_is_left_out_and_the_run_goes_on(services):
    with capture_logs() as logs:
        output = await Odd(services).execute_typed(asked())
    assert output.response == "It takes 90 days."
    assert output.values == {"infinite": None}
    left_out = {entry["value"] for entry in logs if entry["event"] == "value_not_in_output"}
    assert left_out == {"handle", "endless", "surrogate", "large", "binary"}
