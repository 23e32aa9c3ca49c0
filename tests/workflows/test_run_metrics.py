"""Each workflow is counted, with no line of its own."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.workflows.conftest import FACT, Open

from vital_shared import BaseWorkflow, Pause, RunFailed, Workflow, node, track_llm_call
from vital_shared.errors import InvalidRequest, LimitExceeded, StoreError
from vital_shared.graph import Outcome
from vital_shared.llm.base import ModelUnavailable
from vital_shared.models.answer import Answer
from vital_shared.models.citation import Passage
from vital_shared.models.event import Token
from vital_shared.models.limits import TenantLimits
from vital_shared.monitoring.metrics import (
    AGENT_USAGE_TOTAL,
    LLM_CALLS_TOTAL,
    MODEL,
    OUTCOME,
    RAG_RETRIEVALS_TOTAL,
    REGISTRY,
    TENANT,
    WORKFLOW_ACTIVE,
)
from vital_shared.retrieval.base import Retrieved
from vital_shared.testing import CannedModel, CannedSource, ScriptedModel, asks_for, counted, question, says
from vital_shared.workflows.run_line import log_ended
from vital_shared.workflows.run_metrics import RunMetrics, count_ended

REQUESTS, SECONDS = "vital_workflow_requests_total", "vital_workflow_duration_seconds"


class Shouting(BaseWorkflow):
    """A user's own workflow, with a node of its own."""

    @node
    async def shouted(self, answer: Answer) -> str:
        return answer.text.upper()


def ask(services, query="How long is the review?", workflow=BaseWorkflow, **fields):
    return workflow(services).execute_typed(question(query, **{"model": "canned"} | fields))


async def test_a_users_own_workflow_is_counted_with_all_its_parts(services):
    with counted() as growth:
        output = await ask(services, "echo: how long is the review?", Shouting)
    assert output.is_degraded  # the embedded models are missing
    assert growth(REQUESTS) == growth(REQUESTS, mode="2", tenant_id="acme", outcome="degraded") == 1
    assert growth(f"{SECONDS}_count", mode="2", cache_status="bypass", execution="parallel") == 1
    assert growth(f"{SECONDS}_sum") == pytest.approx(output.timings.total_seconds)
    assert growth("vital_node_duration_seconds_count", node="shouted", status="success") == 1
    nodes = [each.node for each in output.timings.nodes if "." not in each.node]  # and not their steps
    assert growth("vital_node_duration_seconds_count") == len(nodes)
    assert growth("vital_quality_score_sum", mode="2") == pytest.approx(output.quality_score)
    assert growth("vital_degraded_responses_total", mode="2") == 1
    assert growth("vital_degradations_total", reason="models_missing") == 1
    for warning in output.warnings:
        assert growth("vital_warnings_total", mode="2", warning=warning.type) == 1
    assert growth("vital_agent_usage_total", agent_id="generalist") == 1
    assert growth("vital_rag_retrievals_total", mode="2", status="success") == 2  # memory, and the canned
    assert growth("vital_rag_duration_seconds_count", source="memory") == 1
    assert growth("vital_tool_executions_total", tool="free_echo", status="success") == 1
    assert growth("vital_tool_duration_seconds_count", tool="free_echo") == 1
    assert growth("vital_llm_calls_total", mode="2", model="canned", cached="false", status="success") == 1
    assert growth("vital_llm_call_duration_seconds_count", model="canned") == 1
    assert growth("vital_llm_tokens_total", token_type="input") == 10
    assert growth("vital_llm_tokens_total", token_type="output") == output.tokens.output
    assert growth("vital_time_to_first_token_seconds_count") == 0  # its caller does not stream
    assert growth("vital_inter_token_seconds_count", model="canned") == 4  # five words


@pytest.mark.parametrize(
    ("reasons", "answerable"),
    [(("no_sources",), "false"), (("rag_failed", "no_sources"), "true"), (("rag_failed",), "true")],
)
async def test_what_the_documents_do_not_hold_is_no_fault_of_the_service(services, reasons, answerable):
    output = (await ask(services)).model_copy(update={"degradation_reasons": reasons})
    with counted() as growth:
        metrics = RunMetrics(
            output.run_id, question("How long?"), services.request_counts, BaseWorkflow.traits
        )
        metrics.answered(output)
    assert growth("vital_degraded_responses_total") == 1
    assert growth("vital_degraded_responses_total", answerable=answerable) == 1
    assert growth("vital_quality_score_count", answerable=answerable) == 1


async def test_a_run_is_counted_under_its_workflow(services):
    class OfficeReport(BaseWorkflow):
        @node
        async def answer(self, query: str) -> Answer:
            track_llm_call("2", "m", 1000, 0, cost_per_1k_input=1, cost_per_1k_output=1)
            return Answer(text=query)

    with counted() as growth:
        await ask(services, workflow=OfficeReport)
        await ask(services)
    for name in (REQUESTS, f"{SECONDS}_count"):
        assert growth(name, workflow="office-report") == growth(name, workflow="base-workflow") == 1
    assert growth("vital_cost_dollars_total", workflow="office-report") == 1


async def test_a_stream_is_counted_as_any_other_run(services):
    workflow = BaseWorkflow(services)
    with counted() as growth:
        events = [each async for each in workflow.execute_stream(question("How long?", model="canned"))]
    tokens = sum(isinstance(each, Token) for each in events)
    assert growth(REQUESTS) == growth("vital_time_to_first_token_seconds_count") == 1
    assert growth("vital_inter_token_seconds_count") == tokens - 1


async def test_one_that_runs_its_nodes_one_after_another_is_distinguished(services):
    with counted() as growth:
        await ask(services, execution="sequential")
    assert growth(f"{SECONDS}_count", execution="sequential") == growth(f"{SECONDS}_count") == 1


async def test_what_is_saved_in_parallel_is_the_nodes_time_less_the_wall_time(open_services: Open):
    gate = asyncio.Event()
    both_wait = asyncio.Barrier(3)
    services = await open_services(
        sources=[CannedSource([FACT], gate=gate)], models=[CannedModel("Yes.", gate=gate)]
    )

    class Waiting(BaseWorkflow):
        @node
        async def one(self, query: str) -> str:
            await both_wait.wait()
            await gate.wait()
            return query

        @node
        async def two(self, query: str) -> str:
            await both_wait.wait()
            await gate.wait()
            return query

    with counted() as growth:
        run = asyncio.create_task(ask(services, workflow=Waiting))
        await both_wait.wait()
        await asyncio.sleep(0.05)  # the time that both take, and that is saved once
        gate.set()
        output = await run
    took = {each.node: each.end_seconds - each.start_seconds for each in output.timings.nodes}
    saved = growth("vital_parallel_seconds_saved_total", mode="2")
    assert 0 < min(took["one"], took["two"]) <= saved < sum(took.values())


async def test_a_failed_run_is_counted_with_what_failed(services):
    class Broken(BaseWorkflow):
        @node
        async def extra(self, query: str) -> str:
            raise ZeroDivisionError

    with counted() as growth, pytest.raises(RunFailed):
        await ask(services, workflow=Broken)
    assert growth(REQUESTS) == growth(REQUESTS, outcome="failed") == growth(f"{SECONDS}_count") == 1
    assert growth("vital_workflow_errors_total") == 1
    assert growth("vital_workflow_errors_total", mode="2", error_type="internal") == 1
    assert growth("vital_node_duration_seconds_count", node="extra", status="failed") == 1


async def test_a_cancelled_stream_is_no_error(open_services: Open):
    gate = asyncio.Event()
    services = await open_services(models=[CannedModel("Yes.", gate=gate)])
    workflow = BaseWorkflow(services)
    with counted() as growth:
        async with aclosing(workflow.execute_stream(question("How long?", model="canned"))) as events:
            async for _ in events:
                assert WORKFLOW_ACTIVE.labels("2", "base-workflow").value == 1
                break
    assert growth(REQUESTS) == growth(REQUESTS, outcome="cancelled") == growth(f"{SECONDS}_count") == 1
    assert growth("vital_workflow_errors_total") == 0
    assert WORKFLOW_ACTIVE.labels("2", "base-workflow").value == 0


async def test_what_was_streamed_before_a_cancellation_has_a_time_to_the_first_token(open_services: Open):
    services = await open_services(models=[CannedModel("Yes, it is so.")])
    workflow = BaseWorkflow(services)
    with counted() as growth:
        async with aclosing(workflow.execute_stream(question("How long?", model="canned"))) as events:
            async for event in events:
                if isinstance(event, Token):
                    break
    assert growth("vital_time_to_first_token_seconds_count", mode="2", model="canned") == 1


async def test_a_request_for_what_is_not_there_is_rejected_and_never_ran(services):
    with counted() as growth, pytest.raises(InvalidRequest):
        await ask(services, agent_id="nobody")
    assert growth(REQUESTS) == growth(REQUESTS, outcome="rejected", tenant_id="acme") == 1
    assert growth(f"{SECONDS}_count") == growth("vital_agent_usage_total") == 0


async def test_what_a_limit_does_not_allow_is_rejected_by_reason(services):
    limits = TenantLimits(requests_per_minute=1)
    await services.limits.set("acme", limits, now=services.now())
    with counted() as growth:
        for _ in range(3):
            with suppress(LimitExceeded):
                await ask(services)
    assert growth(REQUESTS) == 3
    assert growth(REQUESTS, outcome="rejected") == growth("vital_requests_rejected_total") == 2
    assert growth("vital_requests_rejected_total", reason="rate_limit") == 2
    assert growth(f"{SECONDS}_count") == 1


async def test_a_store_that_is_down_is_counted(services, monkeypatch):
    async def down(*_, **__):
        raise StoreError("The database is down.")

    monkeypatch.setattr(type(services.runs), "start", down)
    with counted() as growth, pytest.raises(StoreError):
        await ask(services)
    assert growth(REQUESTS, outcome="failed") == growth(f"{SECONDS}_count") == 1
    assert growth("vital_workflow_errors_total", error_type="store") == 1


async def test_an_answer_that_was_not_saved_counts_once_and_never_as_lost(services, monkeypatch):
    async def down(*_, **__):
        raise StoreError("The database is down.")

    monkeypatch.setattr(type(services.runs), "complete", down)
    with counted() as growth:
        output = await ask(services)
        for run in await services.runs.sweep(datetime.now(UTC) + timedelta(days=1)):
            assert run.run_id == output.run_id
            count_ended(run, services.request_counts, longest_seconds=300)
    assert growth(REQUESTS) == growth(REQUESTS, outcome="degraded") == 1
    assert growth("vital_degradations_total", reason="save_failed") == 1


async def test_a_run_that_is_cancelled_while_its_answer_is_stored_counts_as_answered(services, monkeypatch):
    stored, complete = asyncio.Event(), services.runs.complete

    async def never_back(*arguments, **named):
        await complete(*arguments, **named)
        stored.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(services.runs, "complete", never_back)
    with counted() as growth:
        asking = asyncio.create_task(ask(services))
        await stored.wait()
        asking.cancel()
        await asyncio.wait([asking])
    assert growth(REQUESTS) == growth(REQUESTS, outcome="degraded") == growth(f"{SECONDS}_count") == 1


async def test_a_call_that_is_tracked_within_a_run_is_in_its_cost(services):
    class AdmissionRequest(BaseWorkflow):
        @node
        def mine(self, question: str) -> int:  # in a thread
            track_llm_call("2", "gpt-4", 1000, 500)
            return len(question)

    with counted() as growth:
        output = await ask(services, workflow=AdmissionRequest)
        await ask(services, workflow=AdmissionRequest, tenant_id="globex")
    assert output.cost.llm == Decimal("0.06")
    assert growth("vital_cost_dollars_total", mode="2", tenant_id="acme", cost_type="llm") == 0.06
    assert growth("vital_llm_calls_total", model="gpt-4") == 2


class Clock:
    """The process' clock, which a test can put forward."""

    def __init__(self, monkeypatch):
        self._real, self._more = time.perf_counter, 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self._real() + self._more)

    def go_on(self, seconds):
        self._more += seconds


async def test_an_hour_of_waiting_for_approval_moves_no_latency(services, monkeypatch):
    clock, workflow = Clock(monkeypatch), BaseWorkflow(services)
    with counted() as growth:
        output = await ask(services, "echo this", mode="1")
        assert output.status == "awaiting_approval"
        assert growth(REQUESTS) == growth(f"{SECONDS}_count") == 0
        assert WORKFLOW_ACTIVE.labels("1", "base-workflow").value == 0
        clock.go_on(3600)
        await workflow.resume(output.run_id, [call.id for call in output.suggested_tools])
    assert growth(REQUESTS, mode="1") == growth(f"{SECONDS}_count", mode="1") == 1
    assert growth(f"{SECONDS}_sum") < 60
    assert growth("vital_time_to_first_token_seconds_sum") < 60
    assert growth("vital_node_duration_seconds_sum") < 60
    assert growth("vital_parallel_seconds_saved_total") < 60
    assert growth("vital_agent_usage_total") == 1


async def test_a_run_that_is_cancelled_while_it_waits_counts_with_the_time_it_ran(services):
    with counted() as growth:
        output = await ask(services, "echo this", mode="1")
        ended = await services.runs.cancel_waiting(output.run_id, tenant_id="acme", now=services.now())
        count_ended(ended, services.request_counts, longest_seconds=300)
    assert growth(REQUESTS) == growth(REQUESTS, mode="1", outcome="cancelled") == 1
    assert growth(f"{SECONDS}_sum") == pytest.approx(output.timings.total_seconds)


async def test_runs_that_expire_or_were_lost_count_once(services):
    with counted() as growth:
        await ask(services, "echo this", mode="1")
        for _ in range(2):
            for run in await services.runs.sweep(datetime.now(UTC) + timedelta(days=2)):
                count_ended(run, services.request_counts, longest_seconds=300)
    assert growth(REQUESTS) == growth(REQUESTS, outcome="cancelled") == 1
    assert growth("vital_workflow_errors_total") == 0


class Bare(Workflow):
    @node(pauses=True)
    async def verdict(self, query: str) -> str:
        raise Pause(query)

    @node
    async def answer(self, verdict: str) -> str:
        return verdict


@pytest.mark.parametrize(("workflow", "uses"), [(Bare, 0), (BaseWorkflow, 1)])
async def test_only_a_run_with_an_agent_that_expires_uses_one_and_names_it(services, caplog, workflow, uses):
    await ask(services, "echo this", mode="1", workflow=workflow)
    with counted() as growth, caplog.at_level(logging.INFO):
        (run,) = await services.runs.sweep(datetime.now(UTC) + timedelta(days=2))
        count_ended(run, services.request_counts, longest_seconds=300)
        log_ended(run)
    assert growth(REQUESTS, outcome="cancelled") == 1
    assert growth("vital_agent_usage_total") == uses
    (line,) = (text for text in map(logging.LogRecord.getMessage, caplog.records) if "run_finished" in text)
    assert line.count("agent_id") == uses


async def test_the_line_of_a_run_that_no_agent_answers_names_none(services, caplog):
    paused = await ask(services, workflow=Bare)
    with caplog.at_level(logging.INFO):
        await Bare(services).resume(paused.run_id, answers={"verdict": "good"})
    (line,) = (text for text in map(logging.LogRecord.getMessage, caplog.records) if "run_finished" in text)
    assert "agent_id" not in line


async def test_a_run_whose_process_died_is_a_failure(services):
    events = BaseWorkflow(services).execute_stream(question("How long?", model="canned"))
    async with aclosing(events):
        await anext(events)
        with counted() as growth:
            for run in await services.runs.sweep(datetime.now(UTC) + timedelta(days=2)):
                count_ended(run, services.request_counts, longest_seconds=300)
            async for _ in events:  # it lives on, and its end is too late
                pass
    assert growth(REQUESTS) == growth(REQUESTS, outcome="failed") == 1
    assert growth("vital_workflow_errors_total", error_type="lost") == 1
    assert growth(f"{SECONDS}_sum") == 300


async def test_failed_calls_sources_and_denied_tools_are_counted(open_services: Open):
    services = await open_services(
        models=[
            CannedModel(error=ModelUnavailable("Down.", model="canned"), name="down"),
            ScriptedModel(says(""), asks_for("nonsense", word="x"), says("Forty-two.")),
        ],
        sources=[CannedSource(name="pinecone", error=ValueError("no"))],
    )
    with counted() as growth:
        await ask(services, model="scripted")
        await ask(services, model="down")
    assert growth("vital_llm_calls_total", model="down", status="failed") == 1
    assert growth("vital_rag_retrievals_total", source="pinecone", status="failed") == 2
    assert growth("vital_tool_executions_total", status="denied") == 1


async def test_a_search_by_a_tool_is_a_search_too(services):
    with counted() as growth:
        await ask(services, requested_tools=[{"name": "document_search", "arguments": {"query": "review"}}])
    assert growth("vital_tool_executions_total", tool="document_search", status="success") == 1
    assert growth("vital_rag_retrievals_total", mode="2", status="success") == 4


async def test_models_that_do_not_exist_take_no_names_and_one_that_answers_has_one(services):
    before = MODEL.values
    for number in range(120):
        with suppress(InvalidRequest):
            await ask(services, model=f"made-up-{number}")
    assert MODEL.values == before
    with counted() as growth:
        await ask(services, model="extractive")
    assert growth("vital_llm_calls_total", model="extractive", cached="false") == 1


async def test_configured_models_agents_and_sources_are_at_0_before_the_first_request(services):
    shown = {
        label: {each.labels[label] for each in metric.collect()[0].samples}
        for label, metric in (
            ("model", LLM_CALLS_TOTAL),
            ("agent_id", AGENT_USAGE_TOTAL),
            ("source", RAG_RETRIEVALS_TOTAL),
        )
    }
    assert shown["model"] >= set(services.models.names)
    assert shown["agent_id"] >= {"generalist"}
    assert shown["source"] >= {source.name for source in services.sources}


async def test_what_is_unknown_is_rejected_by_reason(services):
    rejected = "vital_requests_rejected_total"
    with counted() as growth:
        for fields in (
            {"agent_id": "nobody"},
            {"model": "nothing"},
            {"requested_tools": [{"name": "none", "arguments": {}}]},
        ):
            with pytest.raises(InvalidRequest):
                await ask(services, **fields)
    for reason in ("unknown_agent", "unknown_model", "unknown_tool"):
        assert growth(rejected, reason=reason) == 1, reason
    assert growth(rejected) == 3


async def test_searches_whose_merging_takes_too_long_count_as_timeouts(services):
    class Late(BaseWorkflow):
        @node(optional=True, timeout=0.01, degradation="rag_failed", on_timeout="rag_timeout")
        async def passages(self, rag_retrieval: tuple[Outcome[tuple[Passage, ...]], ...]) -> Retrieved:
            await asyncio.Event().wait()
            raise AssertionError

    with counted() as growth:
        answer = await ask(services, workflow=Late)
    assert "rag_timeout" in answer.degradation_reasons
    searches = "vital_rag_retrievals_total"
    for source in services.sources:
        assert growth(searches, source=source.name, status="timeout") == 1
    assert growth(searches) == growth("vital_rag_duration_seconds_count") == len(services.sources)


async def test_a_run_has_a_time_before_its_graph_and_one_after(services):
    with counted() as growth:
        await ask(services)
    for part in ("before", "after"):
        assert growth(f"vital_workflow_{part}_graph_seconds_count", mode="2") == 1


async def test_an_answer_that_is_not_streamed_has_no_time_to_a_first_token(services):
    with counted() as growth:
        await ask(services)
        await BaseWorkflow(services).execute_typed(question("How long?"))
    assert growth("vital_time_to_first_token_seconds_count") == growth(
        "vital_cached_first_token_seconds_count"
    )


async def test_outcomes_add_up_and_so_do_cache_statuses(services):
    asked = 12
    with counted() as growth:
        for number in range(asked):
            fields = {"agent_id": "nobody"} if number % 4 == 0 else {}
            with suppress(InvalidRequest):
                await ask(services, "echo" if number % 3 == 0 else "How long?", **fields)
    assert growth(REQUESTS) == sum(growth(REQUESTS, outcome=each) for each in OUTCOME.values) == asked
    assert growth(f"{SECONDS}_count") == asked - growth(REQUESTS, outcome="rejected")


async def test_made_up_tenants_agents_and_models_make_no_more_series_than_there_may_be(services):
    workflow = BaseWorkflow(services)
    with counted() as growth:
        for number in range(300):
            with pytest.raises(InvalidRequest):
                await workflow.begin(
                    question("Who?", tenant_id=f"t{number}", agent_id=f"a{number}", model=f"m{number}")
                )
    assert len(TENANT.values) == TENANT.most == 101
    assert growth(REQUESTS, tenant_id="other") == 300 - 99
    assert growth("vital_metric_label_overflow_total", label="tenant_id") == 300 - 99
    lines = sum(len(metric.samples) for metric in REGISTRY.collect())
    assert lines < REGISTRY.get_sample_value("vital_metric_series_limit")


class Spoken(Workflow):
    """A workflow that streams, and waits where its query says so."""

    @node
    async def answer(self, query: str) -> AsyncIterator[str]:
        yield "Well, "
        if query == "wait":
            await asyncio.Event().wait()
        yield query


async def test_what_surrounds_the_graph_is_counted_by_workflow(open_services: Open):
    services = await open_services(cache_entries=9)
    own, before, after = {"workflow": "spoken"}, "vital_workflow_before_graph", "vital_workflow_after_graph"
    with counted() as growth:
        [event async for event in Spoken(services).execute_stream(question("yes"))]
        [event async for event in Spoken(services).execute_stream(question("yes"))]
    assert growth(f"{before}_seconds_count", **own) == growth(f"{after}_seconds_count", **own) == 1
    assert growth("vital_time_to_first_token_seconds_count", **own) == 1
    assert growth("vital_cached_first_token_seconds_count", **own) == 1


async def test_a_cancellation_is_counted_by_workflow(services):
    with counted() as growth:
        async with aclosing(Spoken(services).execute_stream(question("wait"))) as events:
            async for event in events:
                if isinstance(event, Token):
                    break
    assert growth("vital_workflow_cancellations_total", workflow="spoken") == 1
