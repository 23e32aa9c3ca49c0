"""What `GET /metrics` shows."""

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from vital_shared.monitoring.metrics import CATALOGUE


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
