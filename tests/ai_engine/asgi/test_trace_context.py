"""Traces of the service: from the caller's own to the collector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer as Listening
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.ai_engine.harness import SUM, Serve, asked
from tests.ai_engine.processes import running_server
from tests.tracing import Spans

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


class Collector:
    """What an OTLP collector gets over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.arrived = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        for resource in sent.resource_spans:
            self.services |= {
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            }
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.arrived.set()
        return web.Response()


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    found = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", found.take)
    async with Listening(app) as listening:
        yield found, str(listening.make_url("/"))


async def test_a_run_goes_on_with_the_trace_of_the_request(serve: Serve, spans: Spans) -> None:
    service = await serve()
    await service.ask(headers=HEADERS)
    run = spans.one("invoke_workflow")
    assert f"{run.context.trace_id:032x}" == TRACE
    assert run.parent is not None
    assert (f"{run.parent.span_id:016x}", run.parent.is_remote) == (PARENT, True)
    assert {f"{span.context.trace_id:032x}" for span in spans.all} == {TRACE}


@pytest.mark.parametrize("header", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{PARENT}"])
async def test_without_a_valid_one_it_begins_its_own(serve: Serve, spans: Spans, header: str) -> None:
    service = await serve()
    await service.ask(headers={"traceparent": header, "baggage": "secret=1"})
    assert spans.one("invoke_workflow").parent is None


async def test_the_next_request_on_the_connection_has_its_own(serve: Serve, spans: Spans) -> None:
    service = await serve()
    await service.ask(headers=HEADERS)
    await service.ask()
    first, second = spans.of("invoke_workflow")
    assert first.context.trace_id != second.context.trace_id


async def test_an_approval_over_http_links_to_the_part_before(serve: Serve, spans: Spans) -> None:
    service = await serve()
    paused = (await service.ask(SUM, mode=1)).json()
    await service.client.post(
        f"/v1/runs/{paused['run_id']}/approval", json={"approved": "all"}, headers=HEADERS
    )
    first, second = spans.of("invoke_workflow")
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    assert f"{second.context.trace_id:032x}" == TRACE


async def test_the_service_has_no_spans_but_those_of_runs(serve: Serve, spans: Spans) -> None:
    service = await serve()
    await service.client.get("/v1/agents?note=hush")
    assert spans.all == ()


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.thorough)])
async def test_the_running_service_sends_its_spans_to_the_collector(
    collector: tuple[Collector, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    found, url = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    async with running_server(tmp_path, VITAL_WORKERS=str(workers)) as (_, client):
        body: dict[str, Any] = asked(model="extractive")
        answer = (await client.post("/v1/runs", json=body, headers=HEADERS)).json()
        await asyncio.wait_for(found.arrived.wait(), 30)
    assert found.services == {"vital"}
    assert {span.trace_id.hex() for span in found.spans} == {TRACE}
    by_id = {span.span_id: span for span in found.spans}
    (run,) = [span for span in found.spans if span.name.startswith("invoke_workflow")]
    reported = {each.key: each.value.string_value for each in run.attributes}
    assert (reported["vital.run.id"], reported["vital.tenant.id"]) == (answer["run_id"], "acme")
    assert run.parent_span_id.hex() == PARENT
    names = {"load_agent", "rag_retrieval", "invoke_agent generalist", "chat extractive"}
    assert names <= {span.name for span in found.spans}
    assert all(span is run or span.parent_span_id in by_id for span in found.spans)
