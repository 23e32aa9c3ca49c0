"""A partial answer beats none: what fails is named, and only no model at all fails the run."""

import asyncio
from decimal import Decimal

import pytest
from structlog.testing import capture_logs
from tests.workflows.conftest import FACT, Open

from vital_shared import BaseWorkflow, Passage, RunFailed, Services, Workflow
from vital_shared.errors import RunCancelled, StoreError
from vital_shared.graph import fan_out, node, repeat, subworkflow
from vital_shared.llm.base import ModelUnavailable
from vital_shared.models.answer import Answer
from vital_shared.models.event import RunFailedEvent, RunFinished, Token
from vital_shared.testing import CannedModel, CannedSource, counted, passage, question
from vital_shared.tools.base import tool
from vital_shared.workflows.base_workflow import failures as source_failures
from vital_shared.workflows.run_metrics import failures as node_failures

DOWN = ModelUnavailable("The model is down.", model="canned")


async def ask(services: Services, **fields):
    fields = {"model": "canned"} | fields
    return await BaseWorkflow(services).execute_typed(question("How long is the review?", **fields))


async def test_a_failed_source_degrades_and_the_others_answer(open_services: Open):
    broken = CannedSource(name="broken", error=ConnectionError("down"))
    services = await open_services(sources=[broken, CannedSource([FACT])])
    output = await ask(services)
    assert output.response == "It takes 42 days [1]."
    assert "rag_failed" in output.degradation_reasons
    assert "Some of the documents could not be searched." in [w.message for w in output.warnings]
    assert len(broken.queries) == 2  # tried again once
    assert output.is_degraded
    assert output.quality_score < 1


async def test_a_slow_source_is_left_out_at_the_deadline(open_services: Open):
    class Impatient(BaseWorkflow):
        @fan_out("source", over="rag_sources", deadline=0.05, on_timeout="rag_timeout")
        async def rag_retrieval(self, source: str, question: str, tenant_id: str) -> tuple:
            found = next(one for one in self.services.sources if one.name == source)
            return await found.search(question, tenant_id=tenant_id, limit=5)

        approved_tools = None
        tools = None

        @node
        async def tool_results(self) -> tuple:
            return ()

    services = await open_services(
        sources=[CannedSource(name="stuck", gate=asyncio.Event()), CannedSource([FACT])]
    )
    with counted() as growth:
        output = await Impatient(services).execute_typed(question("How long?", model="canned"))
    assert output.response == "It takes 42 days [1]."
    assert "rag_timeout" in output.degradation_reasons
    assert growth("vital_rag_retrievals_total", source="stuck", status="timeout") == 1
    assert growth("vital_rag_retrievals_total", source="stuck") == 1


async def test_failed_and_late_tools_degrade(services):
    calls = [{"name": name, "arguments": {"word": "x"}} for name in ("broken", "stuck", "echo")]
    output = await ask(services, requested_tools=calls)
    assert {r.name: r.status for r in output.tool_results} == {
        "broken": "failed",
        "stuck": "timeout",
        "echo": "success",
    }
    assert {"tools_failed", "tool_timeout"} <= set(output.degradation_reasons)
    assert output.response == "It takes 42 days [1]."


async def test_another_model_answers_where_the_first_is_down(open_services: Open):
    services = await open_services(
        models=[CannedModel(error=DOWN)],
        sources=[CannedSource([passage("The review takes 42 days.", score=5.0)])],
    )
    output = await ask(services)
    assert output.model == "extractive"
    assert "llm_fallback" in output.degradation_reasons
    assert "42 days" in output.response


async def test_half_an_answer_beats_none_and_says_that_it_is_one(open_services: Open):
    services = await open_services(models=[CannedModel("one two three", error=DOWN, words_before_error=2)])
    output = await ask(services)
    assert output.response == "one two "
    assert "cut_off" in output.degradation_reasons
    assert "llm_fallback" not in output.degradation_reasons
    assert any(str(DOWN) in warning.message for warning in output.warnings)
    assert [(call.model, call.status) for call in output.model_calls] == [("canned", "failed")]


async def test_no_model_at_all_fails_the_run(open_services: Open, monkeypatch):
    services = await open_services(models=[CannedModel(error=DOWN)])

    async def down(self, request):
        raise DOWN
        yield

    monkeypatch.setattr(type(services.models.last.model), "stream", down)
    with pytest.raises(RunFailed) as caught:
        await ask(services)
    assert (caught.value.node, caught.value.error_type) == ("answer", "model")
    assert caught.value.__cause__ is DOWN
    record = await services.runs.get(caught.value.run_id, tenant_id="acme")
    assert (record.status, record.error_node, record.error_type) == ("failed", "answer", "model")


async def test_a_cut_answer_says_so(open_services: Open):
    services = await open_services(models=[CannedModel("It takes 42 days [1].", stop="length")])
    assert "truncated" in (await ask(services)).degradation_reasons


async def test_an_unbacked_answer_is_ungrounded(open_services: Open):
    services = await open_services(models=[CannedModel("The review takes 99 years and costs a castle [1].")])
    output = await ask(services)
    assert output.groundedness == 0.0
    assert "ungrounded" in output.degradation_reasons
    assert output.quality_score <= 0.3


async def test_no_sources_is_said_in_plain_words(open_services: Open):
    services = await open_services(sources=[])
    output = await BaseWorkflow(services).execute_typed(question("How long is the review?"))
    assert "no_sources" in output.degradation_reasons
    assert output.citations == ()
    assert "do not contain an answer" in output.response


async def test_switched_off_parts_are_no_degradation(open_services: Open):
    services = await open_services(models=[CannedModel("Widgets are fine.")])
    output = await ask(services, enable_rag=False, enable_tools=False)
    assert output.degradation_reasons == ()
    assert output.citations == ()


async def test_a_required_node_that_fails_is_named_without_its_secrets(services):
    class Broken(BaseWorkflow):
        @node
        async def extra(self, query: str) -> str:
            raise ValueError("password=hunter2")

    with pytest.raises(RunFailed, match='failed in "extra": ValueError') as caught:
        await Broken(services).execute_typed(question("x", model="canned"))
    assert "hunter2" not in caught.value.message
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.error_type == "internal"


async def test_an_own_reason_is_kept_in_words(services):
    class Own(BaseWorkflow):
        @node(optional=True, degradation="weather_unknown")
        async def weather(self, query: str) -> str:
            raise ValueError("clouds")

    output = await Own(services).execute_typed(question("x", model="canned"))
    assert "other" in output.degradation_reasons
    assert 'The step "weather" was left out: weather unknown.' in [w.message for w in output.warnings]


async def test_a_step_that_its_fallback_replaced_was_not_left_out(services):
    class Rounds(Workflow):
        async def _usual(self, query: str) -> str:
            return query

        @node(fallback=_usual)
        async def answer(self, query: str) -> str:
            raise ValueError("clouds")

    class Own(BaseWorkflow):
        looped = repeat(Rounds, carry="query", until=bool, limit=1)
        part = subworkflow(Rounds)

        async def _usual(self) -> str:
            return "sun"

        @node(fallback=_usual)
        async def weather(self) -> str:
            raise ValueError("clouds")

    output = await Own(services).execute_typed(question("x", model="canned"))
    names = ("looped.1.answer", "part.answer", "weather")
    assert sorted(w.message for w in output.warnings if w.message.startswith("The step")) == [
        f'The step "{name}" was replaced by its fallback: {name.rpartition(".")[2]} failed.' for name in names
    ]


async def test_an_own_reason_of_items_counts_them(services):
    class Own(BaseWorkflow):
        @node
        async def cities(self, query: str) -> tuple[str, ...]:
            return ("Rome", "Oslo", "Bern")

        @fan_out("city", over="cities", degradation="weather_unknown")
        async def weather(self, city: str, query: str) -> str:
            if city in query:
                return "sun"
            raise ValueError(city)

    ask = Own(services).execute_typed
    for query, left_out in (("Rome, Oslo", "one of its items"), ("Rome", "2 of its items")):
        output = await ask(question(query, model="canned"))
        said = [w.message for w in output.warnings if "weather" in w.message]
        assert said == [f'The step "weather" was done without {left_out}: weather unknown.']


async def test_a_subclass_may_answer_without_streaming(services):
    class Fixed(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            return Answer(text=f"You asked: {query}", model="none")

    events = [event async for event in Fixed(services).execute_stream(question("why?", enable_rag=False))]
    assert [e.text for e in events if isinstance(e, Token)] == ["You asked: why?"]
    assert events[-1].output.response == "You asked: why?"


async def test_a_run_that_takes_too_long_fails(open_services: Open):
    services = await open_services(models=[CannedModel(gate=asyncio.Event())], run_timeout_seconds=0.1)
    with pytest.raises(RunFailed, match=r"longer than 0\.1 seconds") as caught:
        await ask(services)
    assert caught.value.error_type == "deadline"
    assert (await services.runs.get(caught.value.run_id, tenant_id=None)).status == "failed"


async def test_leaving_the_stream_cancels_the_run(open_services: Open):
    services = await open_services(models=[CannedModel("a b c d", gate=asyncio.Event())])
    before = asyncio.all_tasks()
    stream = BaseWorkflow(services).execute_stream(question("x", model="canned"))
    async for event in stream:
        if getattr(event, "node", None) == "answer":
            break
    await stream.aclose()
    assert asyncio.all_tasks() == before
    assert (await services.runs.get(event.run_id, tenant_id="acme")).status == "cancelled"


async def test_a_cancelled_execution_notifies_its_readers(open_services: Open):
    services = await open_services(models=[CannedModel(gate=asyncio.Event())])
    execution = await BaseWorkflow(services).begin(question("x", model="canned"))
    events = []
    async for event in execution.events():
        events.append(event)
        if getattr(event, "node", None) == "answer":
            execution.cancel()
    assert isinstance(events[-1], RunFailedEvent)
    assert events[-1].error_type == "cancelled"
    assert isinstance(execution.error, RunCancelled)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_a_fault_of_the_store_is_not_called_a_cancellation(open_services: Open, monkeypatch):
    services = await open_services()

    async def given_up(*_: object, **__: object) -> bool:
        raise asyncio.CancelledError

    monkeypatch.setattr(services.runs, "complete", given_up)
    execution = await BaseWorkflow(services).begin(question("x"))
    last = [event async for event in execution.events()][-1]
    assert isinstance(last, RunFailedEvent)
    assert last.error_type == "internal"
    assert (await services.runs.get(last.run_id, tenant_id="acme")).status == "failed"


async def test_cancelling_the_caller_stores_the_run_as_cancelled(open_services: Open):
    model = CannedModel(gate=asyncio.Event())
    services = await open_services(models=[model])
    task = asyncio.create_task(ask(services))
    await model.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with services.database.connect() as connection:
        from sqlalchemy import text

        assert (await connection.execute(text("SELECT status FROM runs"))).scalars().all() == ["cancelled"]


async def test_an_answer_that_cannot_be_saved_is_still_given(services, monkeypatch):
    async def refuse(*_args, **_kwargs):
        raise StoreError("The disk is full.")

    monkeypatch.setattr(type(services.runs), "complete", refuse)
    events = [e async for e in BaseWorkflow(services).execute_stream(question("How long?", model="canned"))]
    assert isinstance(events[-1], RunFinished)
    assert events[-1].output.response == "It takes 42 days [1]."
    assert "save_failed" in events[-1].output.degradation_reasons


async def test_a_database_that_restarts_while_the_agent_is_read_does_not_fail_the_run(services, monkeypatch):
    """The connection breaks off in the middle of the read, and the next one is refused."""
    faults = [None, StoreError("It was closed in the middle."), StoreError("It cannot be reached.")]
    read = type(services.agents).get

    async def get(self, *args, **kwargs):
        if faults and (fault := faults.pop(0)) is not None:  # the first read is that before the run
            raise fault
        return await read(self, *args, **kwargs)

    monkeypatch.setattr(type(services.agents), "get", get)
    output = await ask(services)
    assert (output.response, faults) == ("It takes 42 days [1].", [])


async def test_max_cost_keeps_dear_tools_from_running(open_services: Open):
    @tool(cost_dollars=Decimal("0.07"))
    async def dear() -> str:
        """Cost money."""
        return "done"

    services = await open_services(tools=[dear])
    calls = [{"name": "dear", "arguments": {}}] * 3
    output = await ask(services, requested_tools=calls, max_cost_dollars=Decimal("0.15"))
    assert [r.status for r in output.tool_results] == ["success", "success", "denied"]
    assert output.cost.total == output.cost.tools == Decimal("0.14")


async def test_an_agent_is_held_to_its_tools_and_sources(open_services: Open):
    from vital_shared.models.agent import AgentProfile

    other = passage("The other review takes 7 days.", id="p2", source="other", score=0.5)
    services = await open_services(sources=[CannedSource([FACT]), CannedSource([other], name="other")])
    agent = AgentProfile(
        id="narrow",
        name="Narrow",
        system_prompt="Be brief.",
        model="canned",
        tools=("echo",),
        sources=("other",),
    )
    await services.agents.save(agent, tenant_id="acme")
    model = services.models.get("canned").model
    await ask(services, agent_id="narrow", model=None)
    assert [p.id for p in model.requests[0].passages] == ["p2"]
    assert model.requests[0].instructions == "Be brief."


async def test_tools_know_whose_run_they_serve(services):
    output = await ask(services, requested_tools=[{"name": "whose", "arguments": {}}])
    assert output.tool_results[0].content == f"acme {output.run_id}"


async def test_a_requested_search_without_arguments_searches_for_the_question(services):
    output = await ask(services, requested_tools=["document_search"])
    assert output.tool_results[0].arguments["query"] == "How long is the review?"
    assert FACT.text in output.tool_results[0].content


async def test_a_cancellation_that_comes_too_late_changes_nothing(services, monkeypatch):
    saving, complete = asyncio.Event(), type(services.runs).complete

    async def slowly(store, run_id, **details):
        saving.set()
        await asyncio.sleep(0.01)
        return await complete(store, run_id, **details)

    monkeypatch.setattr(type(services.runs), "complete", slowly)
    execution = await BaseWorkflow(services).begin(question("How long?", model="canned"))

    async def cancel_late():
        await saving.wait()
        execution.cancel()
        execution.cancel()

    async with asyncio.TaskGroup() as group:
        group.create_task(cancel_late())
        events = [event async for event in execution.events()]
    assert isinstance(events[-1], RunFinished)
    assert (await services.runs.get(execution.run_id, tenant_id="acme")).status == "completed"


class Misspelt:
    """A source whose code is wrong."""

    name = "handbook"

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        return (Passage(id="p1", texts="The review takes 42 days."),)  # type: ignore[call-arg]


async def test_the_log_says_where_a_source_of_ones_own_failed_once_in_a_minute(open_services: Open):
    source_failures.forget()
    services = await open_services(sources=[Misspelt()])
    with capture_logs() as logs:
        output = await BaseWorkflow(services).execute_typed(question("How long?", model="canned"))
        await BaseWorkflow(services).execute_typed(question("How short?", model="canned"))
    assert "rag_failed" in output.degradation_reasons
    (line,) = [line for line in logs if line["event"] == "source_failed"]
    assert line["source"] == "handbook"
    assert "test_degradation.py" in line["exception"]


async def test_the_log_says_where_an_optional_node_failed_once_in_a_minute(open_services: Open):
    node_failures.forget()

    class Hasty(Workflow):
        @node(optional=True)
        async def mood(self, query: str) -> str:
            raise KeyError(query)

        @node
        async def answer(self, query: str, mood: str = "calm") -> str:
            return f"{query} {mood}"

    services = await open_services()
    with capture_logs() as logs:
        output = await Hasty(services).execute_typed(question("a"))
        await Hasty(services).execute_typed(question("b"))
    assert output.response == "a calm"
    (line,) = [line for line in logs if line["event"] == "optional_node_failed"]
    assert (line["node"], line["run_id"]) == ("mood", output.run_id)
    assert "test_degradation.py" in line["exception"]
