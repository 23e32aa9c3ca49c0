"""Metrics in a process of one's own: over ASGI, over WSGI, and in another registry."""

import re
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from starlette.applications import Starlette
from starlette.routing import Mount

from vital_shared import metrics_app, register, track_llm_call
from vital_shared.monitoring.metrics import CATALOGUE

GUIDE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")


def calls_of(families, model="gpt-4"):
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "vital_llm_calls_total" and sample.labels["model"] == model
    )


async def get(app, path="/metrics/", **headers):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://own") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize(
    ("accept", "read"),
    [("text/plain", read_text), ("application/openmetrics-text; version=1.0.0", read_openmetrics)],
)
async def test_an_asgi_application_shows_what_was_counted(accept, read):
    app = Starlette(routes=[Mount("/metrics", metrics_app())])
    before = calls_of(read((await get(app, accept=accept)).text))
    track_llm_call(mode="1", model="gpt-4", input_tokens=1000, output_tokens=500)
    shown = await get(app, accept=accept)
    assert shown.headers["content-type"].startswith(accept.partition(";")[0])
    assert calls_of(read(shown.text)) == before + 1


def test_a_wsgi_application_shows_what_was_counted():
    track_llm_call(mode="1", model="gpt-4", input_tokens=1000, output_tokens=500)
    environ, started = {}, []
    setup_testing_defaults(environ)
    body = b"".join(metrics_app("wsgi")(environ, lambda status, headers: started.append(status)))
    assert started == ["200 OK"]
    assert calls_of(read_text(body.decode())) >= 1


def test_an_unknown_interface_is_refused():
    with pytest.raises(ValueError, match='"asgi" or "wsgi", not \'cgi\''):
        metrics_app("cgi")


async def test_other_protocols_than_http_are_refused():
    with pytest.raises(ValueError, match="http alone"):
        await metrics_app()({"type": "websocket"}, None, None)


def test_a_registry_of_ones_own_shows_every_metric_of_ours_beside_its_own():
    registry = CollectorRegistry()
    Counter("mine", "Own.", registry=registry).inc()
    register(registry)
    register(registry)
    track_llm_call(mode="1", model="gpt-4", input_tokens=1000, output_tokens=500)
    families = list(read_text(generate_latest(registry).decode()))
    assert calls_of(families) >= 1
    assert {each.family for each in CATALOGUE} | {"mine"} <= {re.sub("_info$", "", f.name) for f in families}


def test_a_registry_with_a_metric_of_the_same_name_is_left_as_it_was():
    registry = CollectorRegistry()
    Counter("vital_llm_calls", "A stranger's.", registry=registry)
    with pytest.raises(ValueError, match="vital_llm_calls"):
        register(registry)
    assert [family.name for family in registry.collect()] == ["vital_llm_calls"]


@pytest.mark.parametrize("name", ["metrics_app", "register"])
async def test_the_guides_lines_show_the_metrics(name):
    (code,) = re.findall(rf"```python\n((?:(?!```).)*?import {name}\n.*?)```", GUIDE, flags=re.DOTALL)
    names = {}
    exec(code, names)
    text = (await get(names["app"])).text if "app" in names else generate_latest().decode()
    assert "vital_workflow_requests_total" in text
