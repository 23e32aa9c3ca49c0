"""Exemplars lead from a bucket of a histogram to the run that took so long, and to its trace."""

import re

import pytest
from tests.ai_engine.asgi.test_trace_context import HEADERS, TRACE
from tests.ai_engine.harness import Serve, Service
from tests.tracing import Spans

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}

EXEMPLAR = re.compile(r"^(\w+)_bucket\{[^}]*\} \S+ # \{([^}]*)\} ", re.MULTILINE)


async def exemplar(service: Service, histogram: str, run_id: str) -> dict[str, str]:
    """The labels of the exemplar of a run in a histogram; other tests have left theirs in other buckets."""
    text = (await service.client.get("/metrics", headers=OPENMETRICS)).text
    found = [
        dict(re.findall(r'(\w+)="([^"]*)"', labels))
        for name, labels in EXEMPLAR.findall(text)
        if name == histogram
    ]
    return next(labels for labels in found if labels["run_id"] == run_id)


@pytest.mark.parametrize("name", ["vital_workflow_duration_seconds", "vital_llm_call_duration_seconds"])
async def test_an_exemplar_names_the_run_and_its_trace(serve: Serve, spans: Spans, name: str) -> None:
    service = await serve()
    run_id = (await service.ask(headers=HEADERS)).json()["run_id"]
    assert spans.one("invoke_workflow")
    assert await exemplar(service, name, run_id) == {"run_id": run_id, "trace_id": TRACE}


async def test_without_a_trace_an_exemplar_names_the_run_alone(service: Service) -> None:
    run_id = (await service.ask(headers=HEADERS)).json()["run_id"]
    assert await exemplar(service, "vital_workflow_duration_seconds", run_id) == {"run_id": run_id}
