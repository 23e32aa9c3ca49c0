"""Runs as spans: what stands below what, over tasks and threads, and what is in them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from tests.tracing import Spans
from tests.workflows.conftest import FACT, Open

from vital_shared import BaseWorkflow, Workflow, node
from vital_shared.errors import ConfigurationError, RunFailed
from vital_shared.graph import Done, Graph, Outcome, Run, Step, fan_out
from vital_shared.llm.base import ModelUnavailable
from vital_shared.models.answer import Answer
from vital_shared.monitoring.tracing import tracer
from vital_shared.testing import CannedModel, CannedSource, ScriptedModel, asks_for, question, says
from vital_shared.workflows.services import Services
from vital_shared.workflows.tracing import NodeSpans

MARKER = "xyzzy"


def own(name: str) -> Any:
    """A span of the user's own."""
    return trace.get_tracer("user").start_as_current_span(name)


async def traced(graph: Graph, *, sequential: bool = False, **inputs: Any) -> None:
    found = tracer()
    assert found is not None
    with own("caller"):
        await Run(graph.plan, graph, inputs, observers=(NodeSpans(found),), sequential=sequential).execute()


class Diamond(Graph):
    """Two branches at the same time, one of them in a thread, each with a span of its own."""

    def __init__(self) -> None:
        self.left_runs = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    @node
    async def top(self) -> int:
        with own("in top"):
            return 1

    @node
    async def left(self, top: int) -> int:
        with own("in left"):
            self.left_runs.set()
            await asyncio.sleep(0)
            with own("deep in left"):
                return top

    @node
    def right(self, top: int) -> int:
        with own("in right"):
            asyncio.run_coroutine_threadsafe(self.left_runs.wait(), self.loop).result()
            return top

    @node
    async def bottom(self, left: int, right: int) -> int:
        with own("in bottom"):
            return left + right


@pytest.mark.parametrize("sequential", [False, True])
async def test_each_span_stands_below_the_node_that_made_it(spans: Spans, sequential: bool) -> None:
    await traced(Diamond(), sequential=sequential)
    assert spans.paths() == [
        "caller",
        "caller > bottom",
        "caller > bottom > in bottom",
        "caller > left",
        "caller > left > in left",
        "caller > left > in left > deep in left",
        "caller > right",
        "caller > right > in right",
        "caller > top",
        "caller > top > in top",
    ]
    assert len({span.context.trace_id for span in spans.all}) == 1


class Leaky(Graph):
    """Leaves its own span current, as careless code does."""

    @node
    async def first(self) -> int:
        self.left_open = own("left open")
        self.left_open.__enter__()
        return 1

    @node
    async def second(self, first: int) -> int:
        return first


async def test_what_a_node_leaves_current_does_not_reach_the_next_one(spans: Spans) -> None:
    graph = Leaky()
    await traced(graph)
    assert {spans.path(each) for each in spans.all} == {"caller", "caller > first", "caller > second"}


class Fan(Graph):
    inputs = ("items",)

    @fan_out("item", over="items", deadline=5.0, limit=2)
    async def work(self, item: str) -> str:
        with own(f"in {item}"):
            await asyncio.sleep(0)
            if item == "bad":
                raise ValueError(MARKER)
            return item

    @node
    async def after(self, work: tuple[Outcome[str], ...]) -> int:
        return len(work)


async def test_items_stand_below_their_node_and_their_own_spans_below_them(spans: Spans) -> None:
    await traced(Fan(), items=("a", "bad", "c"))
    assert spans.paths() == [
        "caller",
        "caller > after",
        "caller > work",
        *["caller > work > work item"] * 3,
        *[f"caller > work > work item > in {item}" for item in ("a", "bad", "c")],
    ]
    by_index = {span.attributes["vital.item.index"]: span for span in spans.of("work item")}
    assert [by_index[i].status.status_code for i in range(3)] == [
        StatusCode.UNSET,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    assert by_index[1].attributes["error.type"] == "ValueError"


class Late(Graph):
    inputs = ("items",)

    @fan_out("item", over="items", deadline=0.01)
    async def work(self, item: str) -> str:
        await asyncio.Event().wait()
        return item


async def test_items_cut_off_at_the_deadline_end_as_late(spans: Spans, caplog: Any) -> None:
    await traced(Late(), items=("a", "b"))
    assert [span.attributes["error.type"] for span in spans.of("work item")] == ["NodeTimeout"] * 2
    assert spans.paths() == ["caller", "caller > work", *["caller > work > work item"] * 2]
    assert caplog.records == []


class Rounds(Graph):
    @node
    async def loop(self) -> AsyncIterator[Step | Done[int]]:
        for name in ("one", "two"):
            yield Step(name)
            with own(f"in {name}"):
                pass
            if name == "one":
                yield Step(name, "success")
        yield Done(1)


async def test_steps_stand_below_their_node_and_end_with_it_at_last(spans: Spans) -> None:
    await traced(Rounds())
    assert spans.paths() == [
        "caller",
        "caller > loop",
        "caller > loop > loop.one",
        "caller > loop > loop.one > in one",
        "caller > loop > loop.two",
        "caller > loop > loop.two > in two",
    ]


class Failing(Graph):
    def __init__(self) -> None:
        self.waits = asyncio.Event()

    @node
    async def bad(self) -> int:
        await self.waits.wait()
        raise KeyError(MARKER)

    @node
    async def cut(self) -> int:
        self.waits.set()
        await asyncio.Event().wait()
        return 1

    @node
    async def never(self, bad: int) -> int:
        return bad


async def test_a_failed_node_is_an_error_by_type_and_what_it_cuts_off_is_none(spans: Spans) -> None:
    with pytest.raises(KeyError):
        await traced(Failing())
    bad, cut = spans.one("bad"), spans.one("cut")
    assert (bad.status.status_code, bad.status.description) == (StatusCode.ERROR, None)
    assert bad.attributes == {"vital.status": "failed", "error.type": "KeyError"}
    assert (cut.status.status_code, cut.attributes) == (StatusCode.UNSET, {"vital.status": "cancelled"})
    assert spans.of("never") == []
    assert bad.events == ()


# Whole workflows


async def test_a_run_is_one_trace_down_to_its_models_and_tools(open_services: Open, spans: Spans) -> None:
    model = ScriptedModel(asks_for("free_echo", word="hi"), says("42 days [1]."), name="openai:gpt-5")
    services = await open_services(models=[model])
    asked = question("How long?", model="openai:gpt-5", requested_tools=("free_echo",))
    asked = asked.model_copy(update={"requested_tools": ()})
    output = await BaseWorkflow(services).execute_typed(asked)
    assert output.response
    run = spans.one("invoke_workflow")
    assert run.parent is None
    assert run.name == "invoke_workflow BaseWorkflow"
    assert {span.context.trace_id for span in spans.all} == {run.context.trace_id}
    for path in (
        "load_agent",
        "rag_retrieval > retrieval memory",
        "model_suggestion > chat gpt-5",
        "invoke_agent generalist > answer.model_1 > chat gpt-5",
    ):
        assert f"{run.name} > {path}" in spans.paths()
    assert run.attributes["vital.run.id"] == output.run_id
    assert run.attributes["vital.tenant.id"] == "acme"
    assert run.attributes["vital.mode"] == "2"
    assert run.attributes["vital.status"] == "degraded"
    assert run.attributes["vital.degradation_reasons"] == tuple(output.degradation_reasons)


async def test_a_model_call_is_named_as_the_conventions_have_it(open_services: Open, spans: Spans) -> None:
    services = await open_services(models=[CannedModel("42 days [1].", name="gemini:flash")])
    await BaseWorkflow(services).execute_typed(question("How long?", model="gemini:flash"))
    span = spans.one("chat")
    assert (span.name, span.kind) == ("chat flash", SpanKind.CLIENT)
    received = dict(span.attributes)
    assert received.pop("gen_ai.response.time_to_first_chunk") >= 0
    assert received == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "flash",
        "gen_ai.request.stream": True,
        "vital.node": "answer",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_creation.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "gen_ai.prompt.name": "canned@1",
        "vital.usage.estimated": False,
    }
    assert span.instrumentation_scope.name == "vital"
    assert "1.41" in span.instrumentation_scope.schema_url


async def test_an_embedded_model_runs_in_this_process(services: Services, spans: Spans) -> None:
    await BaseWorkflow(services).execute_typed(question("How long?", model="extractive"))
    span = spans.one("chat extractive")
    assert (span.kind, span.attributes["gen_ai.provider.name"]) == (SpanKind.INTERNAL, "vital")


class AdmissionRequest(CannedModel):
    """A model whose HTTP client is instrumented."""

    async def stream(self, request: Any) -> Any:
        async for event in super().stream(request):
            with own("http"):
                yield event


class Reading(BaseWorkflow):
    """The time of an answer's reader is no part of the call."""

    @node
    async def shouted(self, answer: Any) -> str:
        with own("in shouted"):
            return str(answer.text).upper()


async def test_what_the_model_does_stands_below_its_call_and_what_its_reader_does_does_not(
    open_services: Open, spans: Spans
) -> None:
    services = await open_services(models=[AdmissionRequest("42 days [1].")])
    await Reading(services).execute_typed(question("How long?", model="canned"))
    assert {spans.path(span).rsplit(" > ", 2)[1] for span in spans.of("http")} == {"chat canned"}
    assert spans.path(spans.one("in shouted")).endswith("> shouted > in shouted")


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [("free_echo", "success", None), ("broken", "failed", "failed"), ("stuck", "timeout", "timeout")],
)
async def test_a_tool_call_is_a_span(
    services: Services, spans: Spans, name: str, status: str, error: str | None
) -> None:
    asked = question(
        "Say it.", model="canned", requested_tools=({"name": name, "arguments": {"word": MARKER}},)
    )
    output = await BaseWorkflow(services).execute_typed(asked)
    assert output.tool_results[0].status == status
    span = spans.one("execute_tool")
    assert span.name == f"execute_tool {name}"
    assert spans.path(span).endswith(f"> tools > tools item > execute_tool {name}")
    assert span.attributes["gen_ai.tool.call.id"] == output.tool_results[0].id
    assert span.attributes.get("error.type") == error


async def test_no_span_has_anything_of_what_was_asked_found_or_answered(
    open_services: Open, spans: Spans
) -> None:
    services = await open_services(
        models=[
            CannedModel(name="one", error=ModelUnavailable(MARKER, model="one")),
            CannedModel(name="two", error=ValueError(MARKER)),
            CannedModel(MARKER, name="three"),
        ],
        sources=[CannedSource([FACT]), CannedSource(name="bad", error=ValueError(MARKER))],
    )
    tools = ({"name": "broken", "arguments": {"word": MARKER}},)
    for model in ("one", "two", "three"):
        for mode in "1234":
            asked = question(MARKER, mode=mode, model=model, requested_tools=tools, metadata={"a": MARKER})
            await BaseWorkflow(services).execute_typed(asked)
    assert len(spans.of("invoke_workflow")) == 12
    assert MARKER not in "".join(span.to_json() for span in spans.all)


async def test_a_failed_run_ends_its_span_as_an_error(open_services: Open, spans: Spans) -> None:
    class Failing(BaseWorkflow):
        @node
        async def failing(self, answer: Answer) -> str:
            raise ValueError(answer.text)

    services = await open_services(models=[CannedModel(MARKER)])
    with pytest.raises(RunFailed):
        await Failing(services).execute_typed(question("How long?", model="canned"))
    run, call = spans.one("invoke_workflow"), spans.one("chat")
    assert (run.status.status_code, run.attributes["error.type"]) == (StatusCode.ERROR, "internal")
    assert run.attributes["vital.status"] == "failed"
    assert run.events == ()
    assert spans.one("failing").attributes["error.type"] == "ValueError"
    assert call.end_time is not None


async def test_a_run_past_its_deadline_is_an_error(open_services: Open, spans: Spans) -> None:
    services = await open_services(models=[CannedModel(gate=asyncio.Event())], run_timeout_seconds=0.05)
    with pytest.raises(RunFailed):
        await BaseWorkflow(services).execute_typed(question("How long?", model="canned"))
    assert spans.one("invoke_workflow").attributes["error.type"] == "deadline"
    assert (spans.one("invoke_agent").attributes or {})["vital.status"] == "cancelled"


async def test_a_cancelled_run_ends_all_its_spans(open_services: Open, spans: Spans) -> None:
    model = CannedModel(gate=asyncio.Event())
    services = await open_services(models=[model])
    events = BaseWorkflow(services).execute_stream(question("How long?", model="canned"))
    await anext(events)
    await model.asked.wait()
    await events.aclose()
    run = spans.one("invoke_workflow")
    assert (run.status.status_code, run.attributes["vital.status"]) == (StatusCode.UNSET, "cancelled")
    assert spans.one("chat").attributes["vital.status"] == "cancelled"
    assert all(span.parent is None or spans.path(span).startswith(run.name) for span in spans.all)


async def test_the_part_after_a_pause_links_to_the_one_before(services: Services, spans: Spans) -> None:
    workflow = BaseWorkflow(services)
    paused = await workflow.execute_typed(question("echo", mode="1", model="canned"))
    assert paused.status == "awaiting_approval"
    first = spans.one("invoke_workflow")
    assert first.attributes["vital.status"] == "paused"
    assert spans.one("approved_tools").attributes["vital.status"] == "paused"
    await workflow.resume(paused.run_id, approved=[call.id for call in paused.suggested_tools])
    _, second = spans.of("invoke_workflow")
    (link,) = second.links
    assert (link.context.trace_id, link.context.span_id) == (first.context.trace_id, first.context.span_id)
    assert second.attributes["vital.run.id"] == first.attributes["vital.run.id"]


async def test_a_run_stands_below_its_callers_span(services: Services, spans: Spans) -> None:
    with own("caller"):
        await BaseWorkflow(services).execute_typed(question("How long?", model="canned"))
    assert spans.path(spans.one("invoke_workflow")) == "caller > invoke_workflow BaseWorkflow"


async def test_runs_at_the_same_time_do_not_mix(services: Services, spans: Spans) -> None:
    workflow = BaseWorkflow(services)
    asked = [question(f"How long {number}?", model="canned") for number in range(5)]
    await asyncio.gather(*(workflow.execute_typed(each) for each in asked))

    def shape(run: ReadableSpan) -> list[str]:
        return sorted(spans.path(span) for span in spans.all if span.context.trace_id == run.context.trace_id)

    shapes = [shape(run) for run in spans.of("invoke_workflow")]
    assert len(shapes) == 5
    assert all(each == shapes[0] for each in shapes)


# Whether it is on at all


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"VITAL_TRACING": "1"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "VITAL_TRACING": "0"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    ],
)
def test_the_environment_turns_it_on(
    spans: Spans, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], on: bool
) -> None:
    monkeypatch.delenv("VITAL_TRACING")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    tracer.cache_clear()
    assert (tracer() is not None) is on


def test_another_value_is_refused(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAL_TRACING", "maybe")
    with pytest.raises(ConfigurationError, match="VITAL_TRACING"):
        tracer()


def test_missing_packages_are_named(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'vital-engine\[otel\]'"):
        tracer()


UNTRACED = """
import asyncio, sys
from pathlib import Path
from vital_shared import BaseWorkflow
from vital_shared.testing import CannedModel, question, workflow_services

async def main():
    async with workflow_services(Path(sys.argv[1]), models=[CannedModel()]) as services:
        await BaseWorkflow(services).execute_typed(question("How long?", model="canned"))

asyncio.run(main())
print([name for name in sys.modules if name.startswith("opentelemetry")])
import ai_engine.server
print([name for name in sys.modules if name.startswith("opentelemetry")])
import ai_engine.api.administration.app  # FastAPI imports the API by itself
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""


def test_where_it_is_off_nothing_of_it_is_imported(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNTRACED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "[]\n[]\n[]\n", done.stderr


async def test_the_span_of_a_run_names_an_agent_where_one_answers(services: Services, spans: Spans) -> None:
    class Greeting(Workflow):
        @node
        async def answer(self, query: str) -> str:
            return query

    await Greeting(services).execute_typed(question("Hello"))
    await BaseWorkflow(services).execute_typed(question("How long?", model="canned"))
    agents = [(span.attributes or {}).get("gen_ai.agent.id") for span in spans.of("invoke_workflow")]
    assert agents == [None, "generalist"]
