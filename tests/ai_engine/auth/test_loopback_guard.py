"""Pages of other sites cannot use the open service of their visitors."""

import asyncio
import json

import pytest
from tests.ai_engine.harness import Service, asked

from ai_engine.auth.loopback_guard import is_loopback


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"])
def test_what_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "192.168.0.1", "example.com", "localhost.example.com", "::", "1"]
)
def test_what_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:8000", "[::1]", "[::1]:8000"])
async def test_hosts_that_name_this_machine_are_served(service: Service, host: str) -> None:
    assert (await service.client.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "10.0.0.1", "localhost.evil.example", "[::2]"]
)
async def test_a_rebound_name_is_refused_on_every_route(service: Service, host: str) -> None:
    for path in ("/", "/healthz", "/v1/agents", "/openapi.json", "/v1/runs/x/events"):
        response = await service.client.get(path, headers={"Host": host})
        assert (response.status_code, response.headers["content-type"]) == (403, "application/problem+json")
        assert "x-request-id" in response.headers


async def test_a_request_without_a_host_is_refused(service: Service) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"GET /healthz HTTP/1.1\r\n\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"", 200),
        (b"Origin: https://evil.example\r\n", 403),
        (b"Origin: http://\r\n", 403),
        (b"Host:\r\n", 403),
        (b"X-Forwarded-For: 192.0.2.1\r\n", 403),
    ],
)
async def test_a_request_of_http_1_0_needs_no_host(service: Service, headers: bytes, status: int) -> None:
    body = json.dumps(asked()).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    head = b"POST /v1/runs HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    writer.write(head + headers + b"\r\n" + body)
    assert b" %d " % status in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_pages_of_other_origins_may_change_nothing(service: Service, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", "/v1/runs"),
        ("POST", "/v1/runs/x/approval"),
        ("DELETE", "/v1/runs/x"),
        ("PUT", "/v1/agents/x"),
        ("DELETE", "/v1/agents/generalist"),
        ("POST", "/v1/documents"),
        ("DELETE", "/v1/documents/x"),
    ):
        response = await service.client.request(method, path, headers=headers, json=asked())
        assert response.status_code == 403
    assert (await service.client.get("/v1/agents/generalist", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"Forwarded": "for=192.0.2.1"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Proto": "https"},
        {"x-forwarded-anything": ""},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"CF-Connecting-IP": "192.0.2.1"},
    ],
)
async def test_an_open_engine_behind_a_proxy_refuses_and_says_how_to_make_keys(
    service: Service, header: dict[str, str]
) -> None:
    for path in ("/", "/healthz", "/v1/agents", "/v1/models"):
        response = await service.client.get(path, headers=header)
        assert response.status_code == 403
        assert "vital keys create" in response.text
    key = await service.key("acme", "ask")
    assert (await service.client.get("/v1/agents", headers=key | header)).status_code == 200


async def test_the_own_page_may(service: Service) -> None:
    own = {"Origin": f"http://127.0.0.1:{service.port}", "Sec-Fetch-Site": "same-origin"}
    assert (await service.ask(headers=own)).status_code == 200
