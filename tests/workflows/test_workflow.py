"""A bare workflow is run, counted, cached, streamed, paused and resumed, with no question answering in it."""

from typing import Generic, TypeVar

import pytest

from vital_shared import BaseWorkflow, InvalidRequest, Pause, PlanError, Workflow, WorkflowInput, node
from vital_shared.models.answer import Answer
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.testing import counted, question, workflow_services

T = TypeVar("T")


class Shout(Workflow):
    @node
    async def words(self, query: str) -> tuple[str, ...]:
        return tuple(query.split())

    @node
    async def answer(self, words: tuple[str, ...]) -> str:
        return " ".join(words).upper()


class Counting(Workflow):
    """Make values and no response."""

    runs = 0

    @node
    async def length(self, query: str) -> int:
        type(self).runs += 1
        return len(query)


class Deciding(Workflow):
    @node
    async def draft(self, query: str) -> str:
        return f"Draft of {query}"

    @node(pauses=True)
    async def verdict(self, draft: str) -> str:
        raise Pause(draft)

    @node
    async def answer(self, verdict: str) -> Answer:
        return Answer(text=f"It is {verdict}.")


class Odd(Workflow):
    """Use the built-in names for values of other types."""

    @node
    async def load_agent(self) -> int:
        return 1

    @node
    async def quality(self) -> float:
        return 0.5

    @node
    async def passages(self) -> str:
        return "none"

    @node
    async def tool_results(self) -> dict[str, int]:
        return {}

    @node
    async def model_suggestion(self, load_agent: int) -> list[int]:
        return [load_agent]


@pytest.fixture
async def services(tmp_path):
    async with workflow_services(tmp_path, cache_entries=9) as services:
        yield services


async def test_its_nodes_are_all_that_runs(services):
    output = await Shout(services).execute_typed(question("hello there"))
    assert (output.status, output.response, output.citations) == ("completed", "HELLO THERE", ())
    assert [timing.node for timing in output.timings.nodes] == ["words", "answer"]
    assert (output.values["words"], output.quality_score) == (["hello", "there"], 1.0)


async def test_it_is_counted_without_an_agent_and_a_quality(services):
    with counted() as growth:
        await Shout(services).execute_typed(question("hello"))
    assert growth("vital_workflow_requests_total", outcome="success") == 1
    assert growth("vital_node_duration_seconds_count", node="answer") == 1
    assert growth("vital_agent_usage_total") == 0
    assert growth("vital_quality_score_count") == 0


async def test_a_built_in_workflow_is_still_counted_with_both(services):
    with counted() as growth:
        await BaseWorkflow(services).execute_typed(question("hello"))
    assert (growth("vital_agent_usage_total"), growth("vital_quality_score_count")) == (1, 1)


async def test_it_is_streamed(services):
    events = [event async for event in Shout(services).execute_stream(question("hello"))]
    assert [event.type for event in events][:2] == ["run_started", "node_started"]
    assert [event.text for event in events if event.type == "token"] == ["HELLO"]
    assert events[-1].type == "run_finished"


async def test_an_agent_that_is_not_there_does_not_matter(services):
    output = await Shout(services).execute_typed(question("hello", agent_id="nobody"))
    assert output.status == "completed"


async def test_a_model_that_is_not_there_is_refused_before_the_run(services):
    with pytest.raises(InvalidRequest, match="nosuch"):
        await Shout(services).execute_typed(question("hello", model="nosuch"))


async def test_an_equal_request_is_answered_from_the_cache_without_a_response_too(services):
    Counting.runs = 0
    first = await Counting(services).execute_typed(question("hello"))
    again = await Counting(services).execute_typed(question("hello"))
    assert (first.cache_status, again.cache_status, Counting.runs) == ("miss", "hit", 1)
    assert first.values == again.values == {"length": 5}


async def test_its_query_is_compared_as_it_is(services):
    """Case and blanks do not matter to the answer of a question; to a node of one's own they do."""
    first = await Shout(services).execute_typed(question("straße  a"))
    other = await Shout(services).execute_typed(question("STRASSE a"))
    assert other.cache_status == "miss"
    assert first.values != other.values


async def test_it_pauses_and_is_resumed(services):
    workflow = Deciding(services)
    paused = await workflow.execute_typed(question("a plan"))
    assert paused.status == "awaiting_approval"
    output = await workflow.resume(paused.run_id, answers={"verdict": "good"})
    assert (output.status, output.response) == ("completed", "It is good.")


async def test_a_run_is_stored_with_what_it_made(services):
    output = await Shout(services).execute_typed(question("hello"))
    record = await services.runs.get(output.run_id, tenant_id="acme", now=services.now())
    assert (record.status, record.workflow) == ("completed", f"{__name__}.Shout")
    assert isinstance(record.output, WorkflowOutput)
    assert record.output.response == "HELLO"


async def test_names_of_built_in_values_may_stand_for_others(services):
    output = await Odd(services).execute_typed(question("hello"))
    assert output.values["passages"] == "none"
    assert (output.tool_results, output.quality_score) == ((), 1.0)


async def test_an_answer_of_a_built_in_workflow_may_be_plain_text(services):
    class Plain(BaseWorkflow):
        @node
        async def answer(self, query: str) -> str:
            return query.upper()

    output = await Plain(services).execute_typed(question("hello"))
    assert (output.response, output.degradation_reasons) == ("HELLO", ())


def test_an_input_type_that_is_none_is_an_error_at_the_definition():
    with pytest.raises(PlanError, match="'Wrong' has int as its input: write a subclass of WorkflowInput"):

        class Wrong(Workflow[int]):  # type: ignore[type-var]
            pass


def test_type_parameters_are_inherited_and_filled():
    class Question(WorkflowInput):
        pass

    class Typed(Workflow[Question, dict[str, int]]):
        pass

    class Below(Typed):
        pass

    class Listed(Workflow[Question, list[T]], Generic[T]):
        pass

    class Numbers(Listed[int]):
        pass

    found = [(each.input_type, each.result_type) for each in (Below, Numbers, Workflow, Shout, BaseWorkflow)]
    assert found == [
        (Question, dict[str, int]),
        (Question, list[int]),
        *[(WorkflowInput, None)] * 3,
    ]


@pytest.mark.parametrize("name", ["services", "resume", "llm", "begin", "aclose", "run"])
def test_a_node_that_hides_what_a_workflow_needs_is_an_error_at_the_definition(name):
    async def method(self, query: str) -> str:
        return query

    method.__name__ = name
    with pytest.raises(PlanError, match="itself uses: rename it"):
        type("Wrong", (Workflow,), {name: node(method)})


@pytest.mark.parametrize("name", ["traits", "context", "history", "values", "parts"])
async def test_other_names_are_free(services, name):
    async def method(self, query: str) -> str:
        return query

    method.__name__ = name
    made = type("Right", (Workflow,), {name: node(method)})
    assert (await made(services).execute_typed(question("a"))).values == {name: "a"}
