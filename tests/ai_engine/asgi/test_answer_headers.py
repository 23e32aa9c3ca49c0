"""Nothing of an answer is stored on the way, or taken for another type."""

from __future__ import annotations

import pytest
from tests.ai_engine.harness import Service, asked


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/v1/agents"),
        ("GET", "/v1/models"),
        ("GET", "/v1/nowhere"),
        ("GET", "/v1/runs/nothing"),
        ("GET", "/page/nothing.js"),
        ("PUT", "/v1/runs"),
        ("POST", "/v1/runs"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/agui"),
    ],
)
async def test_answers_and_errors_are_not_stored(service: Service, method: str, path: str) -> None:
    response = await service.client.request(method, path)
    assert response.headers.get_list("cache-control") == ["no-store"]
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]


async def test_streams_are_not_stored(service: Service) -> None:
    headers = {"Accept": "text/event-stream"}
    response = await service.client.post("/v1/runs", json=asked(), headers=headers)
    assert response.headers.get_list("cache-control") == ["no-store"]
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]


async def test_refusals_of_callers_are_not_stored(service: Service) -> None:
    let_in = await service.client.get("/v1/agents", headers=await service.key("acme", "ask"))
    assert let_in.status_code == 200
    response = await service.client.get("/v1/agents")
    assert (response.status_code, response.headers["cache-control"]) == (401, "no-store")


@pytest.mark.parametrize("path", ["/", "/docs", "/page/page.js", "/swagger/swagger-ui.css"])
async def test_pages_are_kept_and_asked_for_again(service: Service, path: str) -> None:
    response = await service.client.get(path)
    if response.status_code == 404:
        pytest.fail(f"{path} is no page")
    assert response.headers.get_list("cache-control") == ["no-cache"]
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]
    again = await service.client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert again.headers.get_list("cache-control") == ["no-cache"]
