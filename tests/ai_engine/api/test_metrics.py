"""What `GET /metrics` shows."""

import gzip

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from tests.ai_engine.harness import asked

from ai_engine.api.metrics import accepts_gzip
from vital_shared.monitoring.metrics import CATALOGUE, STREAM_CONNECTIONS
from vital_shared.testing import counted


async def test_metrics_are_text_unless_openmetrics_is_asked_for(service):
    text = await service.client.get("/metrics")
    assert text.headers["content-type"].startswith("text/plain; version=")
    names = {family.name for family in read_text(text.text)}
    openmetrics = await service.client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    families = {family.name for family in read_openmetrics(openmetrics.text)}
    assert {each.family for each in CATALOGUE} <= families
    assert {"process_start_time_seconds", "python_gc_objects_collected"} <= names & families


async def test_there_is_nothing_at_metrics_where_they_are_turned_off(serve):
    service = await serve(settings={"metrics_enabled": False})
    response = await service.client.get("/metrics")
    assert response.status_code == 404
    assert "PROMETHEUS_METRICS_ENABLED" in response.json()["detail"]


async def test_a_request_that_comes_when_too_many_run_is_rejected(serve, model):
    service = await serve([model], settings={"max_concurrent_runs": 1, "queue_seconds": 0.01})
    async with service.stream(json=asked(model="stepped")) as events:
        await anext(events)
        with counted() as growth:
            assert (await service.ask()).status_code == 503
        assert growth("vital_workflow_requests_total", outcome="rejected", mode="2", tenant_id="acme") == 1
        assert growth("vital_requests_rejected_total", reason="overload") == 1
        assert growth("vital_workflow_duration_seconds_count") == 0


async def test_open_streams_are_counted_while_they_are_open(service, model):
    before = STREAM_CONNECTIONS.labels().value
    async with service.stream(json=asked(model="stepped")) as events:
        await anext(events)
        assert STREAM_CONNECTIONS.labels().value == before + 1
        model.finish()
        async for _ in events:
            pass
    await service.stop()  # it has let go of all connections then
    assert STREAM_CONNECTIONS.labels().value == before


async def test_a_waiting_run_that_is_deleted_counts_as_cancelled(service):
    with counted() as growth:
        paused = await service.ask("Calculate 12.5 % of 3,400", mode=1)
        assert growth("vital_workflow_requests_total") == 0
        assert (await service.client.delete(f"/v1/runs/{paused.json()['run_id']}")).status_code == 204
    assert growth("vital_workflow_requests_total", mode="1", outcome="cancelled") == 1


async def test_a_duration_points_at_its_run(service):
    run_id = (await service.ask()).json()["run_id"]
    shown = await service.client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    lines = [line for line in shown.text.splitlines() if line.startswith("vital_workflow_duration_seconds")]
    assert any(f'# {{run_id="{run_id}"}}' in line for line in lines)


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        (["gzip"], True),
        (["deflate, GZIP;q=0.5"], True),
        (["*"], True),
        (["deflate", "x-gzip"], True),
        ([], False),
        ([""], False),
        (["identity"], False),
        (["gzip;q=0"], False),
        (["gzip; q=0.000, *"], False),
        (["*;q=0"], False),
        (["gzip;q=1.5"], False),
        (["gzip;q=nan"], False),
    ],
)
def test_gzip_is_accepted_by_name_and_weight(values, accepted):
    assert accepts_gzip(values) is accepted


async def test_metrics_are_compressed_only_when_asked_for(service):
    async def raw(accepted: str) -> tuple[str | None, bytes]:
        async with service.client.stream(
            "GET", "/metrics", headers={"Accept-Encoding": accepted}
        ) as response:
            assert "Accept-Encoding" in response.headers["vary"]
            body = b"".join([part async for part in response.aiter_raw()])
            return response.headers.get("content-encoding"), body

    encoding, body = await raw("gzip")
    assert encoding == "gzip"
    assert b"vital_workflow_requests_total" in gzip.decompress(body)
    encoding, body = await raw("gzip;q=0, *")
    assert encoding is None
    assert b"vital_workflow_requests_total" in body


async def test_requests_are_counted_by_the_template_of_their_route(service):
    requests = "vital_http_requests_total"
    with counted() as growth:
        await service.ask("How long is it?")
        for path in ("/v1/runs/run_1", "/v1/runs/run_2", "/v1/agents/nobody", "/no/such/path"):
            assert (await service.client.get(path)).status_code == 404
        await service.client.request("PURGE", "/healthz")
    assert growth(requests, route="/v1/runs", method="POST", status_class="2xx") == 1
    assert growth(requests, route="/v1/runs/{run_id}", method="GET", status_class="4xx") == 2
    assert growth(requests, route="/v1/agents/{agent_id}", method="GET", status_class="4xx") == 1
    assert growth(requests, route="other", status_class="4xx") == 1
    assert growth(requests, method="other", status_class="4xx") == 1
    assert growth(requests) == 6
