"""Sub-workflows and loops in a workflow: measured, charged, limited, cached and resumed as the outer run's own."""

from decimal import Decimal

import pytest
from pydantic import BaseModel
from tests.workflows.conftest import Open
from tests.workflows.test_ledger import RATES, whole

from vital_shared import (
    BaseWorkflow,
    Pause,
    PlanError,
    RunFailed,
    Workflow,
    WorkflowInput,
    WorkflowMode,
    mermaid,
    node,
    repeat,
    subworkflow,
)
from vital_shared.llm.call_pricing import CallPricing
from vital_shared.models.answer import Answer, ToolPlan
from vital_shared.models.event import NodeStarted, Retrieval, Token
from vital_shared.models.tool import ToolCall
from vital_shared.monitoring.counted import counted
from vital_shared.testing import CannedModel, CannedSource, ScriptedModel, question, says

AUTOMATIC = frozenset({WorkflowMode.MODE_2, WorkflowMode.MODE_4})


class Verdict(BaseModel):
    score: int
    text: str


class DraftInput(WorkflowInput):
    text: str
    points: int = 1


class Review(Workflow[DraftInput, Verdict]):
    @node
    async def result(self, input: DraftInput) -> Verdict:  # noqa: A002 - the input's name
        return Verdict(score=len(input.text) * input.points, text=f"{input.user_id}: {input.text}")


class Report(Workflow):
    @node
    async def text(self, query: str) -> str:
        return query.title()

    review = subworkflow(Review)

    @node
    async def answer(self, review: Verdict) -> str:
        return f"{review.text} ({review.score})"


class Research(Workflow):
    """Asks the built-in workflow, and says it louder."""

    modes = AUTOMATIC

    @node
    async def asked(self, query: str) -> str:
        return f"{query} please?"

    found = subworkflow(BaseWorkflow, query="asked")

    @node
    async def answer(self, found: Answer) -> str:
        return found.text.upper()


class Longer(Workflow[DraftInput]):
    @node
    async def answer(self, input: DraftInput) -> str:  # noqa: A002 - the input's name
        return input.text + "!"


class Insisting(Workflow):
    shout = repeat(Longer, carry="text", until=lambda text: text.endswith("!!!"), limit=5, text="query")

    @node
    async def answer(self, shout: str) -> str:
        return shout


async def test_a_part_gets_an_input_of_its_own_class(services):
    output = await Report(services).execute_typed(question("a b", user_id="ann"))
    assert output.response == "ann: A B (3)"
    assert output.values == {"text": "A B", "review": {"score": 3, "text": "ann: A B"}}


async def test_its_nodes_have_lines_events_and_metrics_of_their_own(services):
    with counted() as growth:
        events = [event async for event in Report(services).execute_stream(question("a"))]
    started = [event.node for event in events if isinstance(event, NodeStarted)]
    assert started == ["text", "review.input", "review.result", "answer"]
    assert [line.node for line in events[-1].output.timings.nodes] == started
    assert growth("vital_node_duration_seconds_count", node="review.result") == 1


async def test_the_built_in_workflow_may_be_a_part_and_only_the_outer_answer_is_streamed(services):
    events = [
        event async for event in Research(services).execute_stream(question("How long", model="canned"))
    ]
    output = events[-1].output
    assert output.response == "IT TAKES 42 DAYS [1]."
    assert {event.source for event in events if isinstance(event, Retrieval)} == {"memory", "canned"}
    assert "".join(event.text for event in events if isinstance(event, Token)) == output.response
    assert {"found.rag_retrieval", "found.answer", "answer"} <= {line.node for line in output.timings.nodes}
    assert set(output.values) == {"asked", "found"}


class Unattended(BaseWorkflow[WorkflowInput, str]):
    @node
    async def approved_tools(self, tool_plan: ToolPlan) -> tuple[ToolCall, ...]:
        return tool_plan.approved

    @node
    async def result(self, answer: Answer) -> str:
        return answer.text


class Searching(Workflow):
    """Asks the built-in workflow in a loop."""

    modes = AUTOMATIC
    found = repeat(Unattended, carry="query", until=bool, limit=2)

    @node
    async def answer(self, found: str) -> str:
        return found


class Nested(Workflow):
    modes = AUTOMATIC
    research = subworkflow(Research)

    @node
    async def answer(self, research: str) -> str:
        return research


@pytest.mark.parametrize("outer", [Research, Searching, Nested])
async def test_what_the_answer_of_a_part_lacks_degrades_the_outer_run(open_services: Open, outer):
    services = await open_services(sources=[CannedSource(name="memory")], models=[CannedModel("No idea.")])
    output = await outer(services).execute_typed(question("How long", model="canned", enable_tools=False))
    assert output.degradation_reasons == ("no_sources",)
    assert output.quality_score < 1
    assert any(warning.type == "degraded" for warning in output.warnings)


async def test_the_answer_of_a_part_that_was_cut_short_degrades_the_outer_run(open_services: Open):
    services = await open_services(models=[ScriptedModel(says("It takes 42", stop="length"))])
    request = question("How long", model="scripted", enable_rag=False, enable_tools=False)
    assert (await Research(services).execute_typed(request)).degradation_reasons == ("truncated",)


async def test_the_whole_answer_of_a_part_degrades_nothing(services):
    output = await Research(services).execute_typed(question("How long", model="canned"))
    assert output.degradation_reasons == ()


class Writing(Workflow[DraftInput]):
    @node
    async def answer(self, text: str) -> str:
        return f"{text} {await self.llm(text, model='whole')}"


class Costly(Workflow):
    """Calls a model four times: in a part, in a part of a part, and in two rounds of a loop."""

    modes = AUTOMATIC

    class Within(Workflow[DraftInput]):
        answer = subworkflow(Writing)

    found = subworkflow(BaseWorkflow)
    written = subworkflow(Within, text="query")
    polished = repeat(
        Writing, carry="text", until=lambda text: text.count("Forty") == 2, limit=4, text="query"
    )

    @node
    async def answer(self, found: Answer, written: str, polished: str) -> str:
        return f"{found.text} {written} {polished}"


@pytest.mark.parametrize("execution", ["parallel", "sequential"])
async def test_each_call_of_a_part_and_of_a_round_is_charged_once_to_the_outer_run(open_services, execution):
    services = await open_services(models=[whole()])
    object.__setattr__(
        services, "account", CallPricing(lambda name, tokens: RATES, lambda text: len(text.split()))
    )
    asked = question("How long?", model="whole", enable_rag=False, enable_tools=False, execution=execution)
    output = await Costly(services).execute_typed(asked)
    charges = await services.runs.charges(output.run_id)
    assert output.response.count("Forty-two.") == 4
    assert (len(charges), len({charge.item for charge in charges}), len(output.model_calls)) == (4, 4, 4)
    assert sum(charge.cost_nanos for charge in charges) == int(output.cost.total * 10**9) > 0


async def test_the_limit_of_the_run_holds_within_its_parts(open_services: Open):
    services = await open_services(models=[whole()])
    object.__setattr__(
        services, "account", CallPricing(lambda name, tokens: RATES, lambda text: len(text.split()))
    )
    asked = question("How long?", model="whole", enable_rag=False, max_cost_dollars=Decimal("0.0000001"))
    with pytest.raises(RunFailed, match="written"):
        await Costly(services).execute_typed(asked)


async def test_a_loop_has_a_line_for_each_round(services):
    output = await Insisting(services).execute_typed(question("go"))
    assert output.response == "go!!!"
    rounds = [f"shout.{number}.answer" for number in (1, 2, 3)]
    assert [line.node for line in output.timings.nodes] == ["shout", *rounds, "answer"]


async def test_a_workflow_with_parts_is_cached_by_all_that_they_read(open_services: Open):
    services = await open_services(cache_entries=9)
    statuses = []
    for user, query in (("ann", "a"), ("ann", "a"), ("bob", "a"), ("bob", "b")):
        output = await Report(services).execute_typed(question(query, user_id=user))
        statuses.append(output.cache_status)
    assert statuses == ["miss", "hit", "miss", "miss"]


async def test_a_part_that_is_not_cacheable_keeps_its_outer_workflow_out_of_the_cache(open_services: Open):
    services = await open_services(cache_entries=9)

    class Now(Review):
        cacheable = False

    class Dated(Report):
        review = subworkflow(Now)

    statuses = [(await Dated(services).execute_typed(question("a"))).cache_status for _ in range(2)]
    assert statuses == ["bypass", "bypass"]


async def test_a_part_pauses_and_is_resumed(services):
    class Asking(Workflow[DraftInput]):
        @node(pauses=True)
        async def verdict(self, text: str) -> bool:
            raise Pause(text)

        @node
        async def answer(self, verdict: bool, text: str) -> str:
            return text if verdict else ""

    class Outer(Workflow):
        checked = subworkflow(Asking, text="query")

        @node
        async def answer(self, checked: str) -> str:
            return f"<{checked}>"

    paused = await Outer(services).execute_typed(question("a"))
    assert [each.name for each in paused.required_input] == ["checked.verdict"]
    output = await Outer(services).resume(paused.run_id, answers={"checked.verdict": True})
    assert output.response == "<a>"


async def test_a_failure_in_a_part_names_its_node(services):
    class Failing(Workflow):
        @node
        async def answer(self, query: str) -> str:
            raise ValueError(query)

    class Outer(Workflow):
        part = subworkflow(Failing)

    with pytest.raises(RunFailed, match=r'The run failed in "part.answer"') as failed:
        await Outer(services).execute_typed(question("a"))
    assert failed.value.node == "part.answer"


async def test_a_failure_in_a_loop_names_the_line_of_its_round(services):
    class Failing(Workflow):
        @node
        async def answer(self, query: str) -> str:
            if query.endswith("!"):
                raise ValueError(query)
            return f"{query}!"

    class Outer(Workflow):
        part = repeat(Failing, carry="query", until=lambda _: False, limit=3)

        @node
        async def answer(self, part: str) -> str:
            return part

    with pytest.raises(RunFailed, match=r'The run failed in "part\.2\.answer"') as failed:
        await Outer(services).execute_typed(question("a"))
    assert failed.value.node == "part.2.answer"


async def test_a_value_that_does_not_fit_the_parts_input_fails_in_one_sentence(services):
    class Strict(WorkflowInput):
        text: str
        points: int

    class Part(Workflow[Strict]):
        @node
        async def answer(self, input: Strict) -> str:  # noqa: A002 - the input's name
            return input.text

    class Outer(Workflow):
        @node
        async def many(self) -> str:
            return "many"

        part = subworkflow(Part, text="query", points="many")

    with pytest.raises(RunFailed, match=r"points is not valid for Part: it must be a whole number"):
        await Outer(services).execute_typed(question("a"))


def test_a_part_that_asks_for_the_approval_of_tool_calls_is_an_error_at_the_definition():
    with pytest.raises(
        PlanError, match=r"'Wrong.found' waits for the approval of tool calls in modes 1 and 3"
    ):

        class Wrong(Workflow):
            found = subworkflow(BaseWorkflow, query="agent_id")


def test_the_reservation_counts_each_answer_of_a_part():
    class Twice(Workflow):
        modes = AUTOMATIC
        one = subworkflow(BaseWorkflow)
        two = subworkflow(Research)

    assert (BaseWorkflow.traits.answers_at_most, Research.traits.answers_at_most) == (1, 1)
    assert Twice.traits.answers_at_most == 2
    assert Twice.traits.has_agent
    assert "answer" in Twice.traits.built_in


async def test_a_loop_reserves_for_each_of_its_rounds(services):
    class Priced(Workflow[DraftInput]):
        @node(max_cost_dollars=Decimal("0.25"))
        async def answer(self, text: str) -> str:
            return text

    class Outer(Workflow):
        end = repeat(Priced, carry="text", until=bool, limit=3, text="query")
        part = subworkflow(Priced, text="query")

    bounds = [each.declaration.max_cost_dollars for each in Outer.plan.nodes]
    assert bounds == [Decimal("0.75"), Decimal("0.25")]


async def test_a_part_that_needs_other_arguments_fails_in_one_sentence(services):
    class Needy(Workflow):
        def __init__(self, services, language):
            super().__init__(services)

        @node
        async def answer(self, query: str) -> str:
            return query

    class Outer(Workflow):
        part = subworkflow(Needy)

    with pytest.raises(
        RunFailed, match=r"Needy cannot be a part of Outer: its __init__ has to take services"
    ):
        await Outer(services).execute_typed(question("a"))


def test_mermaid_shows_the_way_to_the_next_round_of_a_loop_that_reads_its_whole_input():
    assert "shout__answer -->|next round| shout__answer" in mermaid(Insisting.plan)
