"""A run shows its nodes: what they read, how often they failed and why; also where there is no answer."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.ai_engine.harness import Service, serving
from tests.tracing import Spans

from vital_cli.served_monitor import load_monitor
from vital_shared import BaseWorkflow, Retry, node
from vital_shared.errors import VitalError
from vital_shared.testing import CannedModel, CannedSource, passage, workflow_services


class Fetching(BaseWorkflow):
    """A step that is tried again, and one without which the answer does."""

    calls = 0

    @node(retry=Retry(on=(ConnectionError,), attempts=3, backoff_seconds=0.0))
    async def fetched(self, query: str) -> str:
        Fetching.calls += 1
        if Fetching.calls < 3:
            raise ConnectionError("the secret of ann")
        return query.upper()

    @node(optional=True)
    async def extra(self, fetched: str) -> str:
        raise VitalError("The other system is closed.")


class Failing(BaseWorkflow):
    """A step without which there is no answer."""

    @node(retry=Retry(on=(ConnectionError,), attempts=2, backoff_seconds=0.0))
    async def fetched(self, query: str) -> str:
        raise ConnectionError("the secret of ann")


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Service]:
    Fetching.calls = 0
    config = tmp_path / "ops.toml"
    config.write_text('grafana_url = "https://grafana.example"\ntraces_url = "http://tempo:3200"\n')
    source = CannedSource([passage("It takes 42 days.")])
    models = [CannedModel("It takes 42 days [1].")]
    classes = {"fetching": Fetching, "failing": Failing}
    async with (
        workflow_services(tmp_path, models=models, sources=[source]) as services,
        serving(services, workflows=classes, monitor=load_monitor, ops_config=config) as service,
    ):
        yield service


async def view(service: Service, workflow: str) -> dict[str, Any]:
    body = {"query": "How long?", "mode": 2, "tenant_id": "acme", "user_id": "ann", "model": "canned"}
    made = (await service.client.post(f"/v1/workflows/{workflow}/runs", json=body)).json()
    shown: dict[str, Any] = (await service.client.get(f"/v1/runs/{made['run_id']}")).json()
    return shown


async def test_a_node_shows_what_it_reads_and_how_often_it_failed(own: Service) -> None:
    nodes = {each["node"]: each for each in (await view(own, "fetching"))["nodes"]}
    assert (nodes["fetched"]["status"], nodes["fetched"]["reads"]) == ("success", ["query"])
    (failure,) = nodes["fetched"]["failures"]
    assert (failure["attempts"], failure["error"]) == (2, "ConnectionError")
    assert (nodes["extra"]["status"], nodes["extra"]["reads"]) == ("failed", ["fetched"])
    (failure,) = nodes["extra"]["failures"]
    assert (failure["attempts"], failure["error"]) == (1, "VitalError: The other system is closed.")


async def test_a_run_without_an_answer_keeps_its_nodes(own: Service) -> None:
    shown = await view(own, "failing")
    assert (shown["status"], shown["output"]) == ("failed", None)
    nodes = {each["node"]: each for each in shown["nodes"]}
    assert (nodes["fetched"]["status"], nodes["fetched"]["reads"]) == ("failed", ["query"])
    assert [(each["attempts"], each["error"]) for each in nodes["fetched"]["failures"]] == [
        (2, "ConnectionError")
    ]
    assert "secret" not in str(shown["nodes"])


@pytest.mark.parametrize("workflow", ["fetching", "failing"])
async def test_a_run_names_its_trace_and_where_people_see_it(
    own: Service, spans: Spans, workflow: str
) -> None:
    shown = await view(own, workflow)
    traces = {f"{span.context.trace_id:032x}" for span in spans.of("invoke_workflow")}
    assert shown["trace_id"] in traces
    assert shown["trace_url"].startswith("https://grafana.example/explore?")
    assert shown["trace_id"] in shown["trace_url"]
