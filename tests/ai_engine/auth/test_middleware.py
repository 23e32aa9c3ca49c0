"""With keys, nobody gets in without one, and each gets only what his allows."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.ai_engine.harness import Service, asked, serving

from ai_engine.auth.key_cache import KEEP_SECONDS, STALE_SECONDS
from ai_engine.logs import configure_logs
from vital_shared.errors import StoreError
from vital_shared.monitoring.metrics import REGISTRY
from vital_shared.store.key_token import KeyToken
from vital_shared.store.keys import KeyStore
from vital_shared.testing import CannedModel, workflow_services

AGENT = {"name": "Mine", "system_prompt": "Answer."}
UNKNOWN = KeyToken("0" * 16, "0" * 64).text


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (None, 'Bearer realm="vital"'),
        (f"Bearer {UNKNOWN}", 'Bearer realm="vital", error="invalid_token"'),
        ("Bearer sk-proj-1", 'Bearer realm="vital", error="invalid_token"'),
        ("Bearer", 'Bearer realm="vital", error="invalid_token"'),
        ("Basic YTpi", 'Bearer realm="vital", error="invalid_token"'),
        ("", 'Bearer realm="vital", error="invalid_token"'),
    ],
)
async def test_without_a_key_that_can_be_used_there_is_a_problem(
    service: Service, header: str | None, challenge: str
) -> None:
    await service.client.get("/v1/agents", headers=await service.key("acme", "ask"))
    headers = {} if header is None else {"Authorization": header}
    response = await service.ask(headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json")
    assert response.headers["www-authenticate"] == challenge
    assert response.json()["type"] == "urn:vital:not-authenticated"


async def test_a_key_is_sent_as_a_bearer_in_any_case(service: Service) -> None:
    token = (await service.key("acme", "ask"))["Authorization"].removeprefix("Bearer ")
    for header in (f"bearer {token}", f"BEARER   {token}"):
        response = await service.client.get("/v1/agents", headers={"Authorization": header})
        assert response.status_code == 200
    for header in (token, f"Token {token}", f"Bearer{token}", f"Bearer {token},", f"Bearer {token} {token}"):
        response = await service.client.get("/v1/agents", headers={"Authorization": header})
        assert response.status_code == 401


async def test_two_keys_at_once_are_none(service: Service) -> None:
    one, other = [(await service.key(tenant, "ask"))["Authorization"] for tenant in ("acme", "globex")]
    headers = [("Authorization", one), ("Authorization", other)]
    await service.client.get("/v1/agents", headers=headers[:1])
    assert (await service.client.get("/v1/agents", headers=headers)).status_code == 401


async def test_a_missing_scope_is_named(service: Service) -> None:
    key = await service.key("acme", "ask")
    response = await service.client.put("/v1/agents/mine", json=AGENT, headers=key)
    assert response.status_code == 403
    assert response.headers["www-authenticate"] == (
        'Bearer realm="vital", error="insufficient_scope", scope="admin"'
    )
    assert "scope admin" in response.json()["detail"]
    refused = await service.ask(headers=await service.key("acme", "costs"))
    assert refused.status_code == 403


async def test_an_administrator_has_all_scopes(service: Service) -> None:
    key = await service.key("acme", "admin")
    assert (await service.client.put("/v1/agents/mine", json=AGENT, headers=key)).status_code == 200
    assert (await service.ask(headers=key, agent_id="mine")).status_code == 200


async def test_the_tenant_of_the_key_wins(service: Service) -> None:
    key = await service.key("acme", "ask")
    for headers in (key, key | {"X-Tenant-ID": "globex"}, key | {"X-Tenant-ID": "no tenant"}):
        for body in ({}, {"tenant_id": "globex"}, {"tenant_id": None}, {"tenant_id": 7}):
            response = await service.ask(headers=headers, model=None, **body)
            assert response.status_code == 200, response.text
            record = await service.services.runs.get(response.json()["run_id"], tenant_id=None)
            assert record.tenant_id == record.input.tenant_id == "acme"


async def test_the_tenant_may_be_left_out_where_it_is_known(service: Service) -> None:
    body = asked(model=None)
    del body["tenant_id"]
    for headers in (
        await service.key("acme", "ask"),
        await service.key(None, "ask") | {"X-Tenant-ID": "acme"},
    ):
        response = await service.client.post("/v1/runs", json=body, headers=headers)
        assert response.status_code == 200
    missing = await service.client.post("/v1/runs", json=body, headers=await service.key(None, "ask"))
    assert (missing.status_code, missing.json()["errors"][0]["field"]) == (422, "tenant_id")


async def test_what_a_body_names_twice_is_still_the_keys_tenant(service: Service) -> None:
    body = b'{"query": "q", "mode": "2", "user_id": "u", "tenant_id": "a", "tenant_id": "b"}'
    headers = await service.key("acme", "ask") | {"Content-Type": "application/json"}
    response = await service.client.post("/v1/runs", content=body, headers=headers)
    record = await service.services.runs.get(response.json()["run_id"], tenant_id=None)
    assert record.tenant_id == "acme"


async def test_a_key_for_all_tenants_acts_for_each_and_is_narrowed_by_the_header(service: Service) -> None:
    key = await service.key(None, "admin")
    for tenant in ("acme", "globex"):
        assert (await service.ask(headers=key, tenant_id=tenant)).status_code == 200
    narrowed = key | {"X-Tenant-ID": "acme"}
    assert (await service.ask(headers=narrowed, tenant_id="globex")).status_code == 422
    await service.client.put("/v1/agents/own", json=AGENT, headers=narrowed)
    await service.client.put("/v1/agents/shared", json=AGENT, headers=key)
    listed = (await service.client.get("/v1/agents", headers=key)).json()["agents"]
    owners = {agent["profile"]["id"]: agent["tenant_id"] for agent in listed}
    assert (owners["own"], owners["shared"]) == ("acme", None)


async def test_metrics_budgets_and_the_unknown_are_not_for_one_tenant(service: Service) -> None:
    everyone = await service.key(None, "admin")
    for headers in (await service.key("acme", "admin"), everyone | {"X-Tenant-ID": "acme"}):
        for method, path in (("GET", "/metrics"), ("PUT", "/v1/budgets/acme"), ("GET", "/v1/nothing")):
            response = await service.client.request(method, path, headers=headers)
            assert response.status_code == 403
    assert (await service.client.get("/v1/nothing", headers=everyone)).status_code == 404


async def test_who_is_turned_away_is_counted(service: Service) -> None:
    def rejected() -> float:
        return REGISTRY.get_sample_value("vital_requests_rejected_total", {"reason": "auth"})

    key = await service.key("acme", "ask")
    await service.client.get("/v1/agents", headers=key)
    before = rejected()
    await service.client.get("/v1/agents")
    await service.ask(headers={"Authorization": f"Bearer {UNKNOWN}"})
    await service.client.put("/v1/agents/mine", json=AGENT, headers=key)
    assert rejected() == before + 3
    await service.ask(headers=key, query="")
    await service.client.get("/healthz")
    assert rejected() == before + 3


async def test_pages_and_signs_of_life_need_no_key(service: Service) -> None:
    await service.client.get("/v1/agents", headers=await service.key("acme", "ask"))
    for path in ("/", "/docs", "/openapi.json", "/page/page.js", "/healthz", "/readyz"):
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Host": "vital.example"}):
            assert (await service.client.get(path, headers=headers)).status_code == 200


async def test_the_first_key_closes_a_running_engine_and_a_revoked_one_is_refused_in_time(
    service: Service,
) -> None:
    seconds = 0.0
    ring = service.engine.keys
    ring._clock = lambda: seconds
    await ring.load()
    assert (await service.client.get("/v1/agents")).status_code == 200
    key = await service.key("acme", "ask")
    seconds += KEEP_SECONDS
    assert (await service.client.get("/v1/agents")).status_code == 401
    assert (await service.client.get("/v1/agents", headers=key)).status_code == 200
    keys = KeyStore(service.services.database)
    await keys.revoke((await keys.list())[0].id, now=service.services.now())
    seconds += KEEP_SECONDS
    for headers in (key, {}):
        assert (await service.client.get("/v1/agents", headers=headers)).status_code == 401


async def test_no_engine_on_the_store_opens_when_the_last_key_is_revoked(service: Service) -> None:
    await service.key("acme", "ask")
    keys = KeyStore(service.services.database)
    await keys.revoke((await keys.list())[0].id, now=service.services.now())
    async with serving(service.services) as restarted:
        response = await restarted.client.get("/v1/agents")
        assert response.status_code == 401
        assert "vital keys open" in response.json()["detail"]
    await keys.forget_useless(now=service.services.now())
    async with serving(service.services) as opened:
        assert (await opened.client.get("/v1/agents")).status_code == 200


async def test_an_open_engine_lets_the_keys_of_other_services_pass_but_no_wrong_one_of_ours(
    service: Service,
) -> None:
    for header, status in (("Bearer not-needed", 200), ("Basic YTpi", 200), (f"Bearer {UNKNOWN}", 401)):
        response = await service.client.get("/v1/agents", headers={"Authorization": header})
        assert response.status_code == status


async def test_a_page_of_another_origin_is_not_allowed_to_send_a_key(service: Service) -> None:
    await service.client.get("/v1/agents", headers=await service.key("acme", "ask"))
    asking = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    response = await service.client.options("/v1/runs", headers=asking)
    assert response.status_code == 401
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_a_store_that_is_down_lets_nobody_in_and_the_engine_alive(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: Any) -> Any:
        raise StoreError("The database is down.")

    monkeypatch.setattr(KeyStore, "find", down)
    monkeypatch.setattr(KeyStore, "any_made", down)
    service.engine.keys._checked_at = -STALE_SECONDS
    for headers in ({}, {"Authorization": f"Bearer {UNKNOWN}"}):
        response = await service.client.get("/v1/agents", headers=headers)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert (await service.client.get("/healthz", headers=headers)).status_code == 200


@pytest.fixture
def log() -> io.StringIO:
    """Log as the service does, everything, into memory."""
    stream = io.StringIO()
    configure_logs("debug", stream)
    return stream


async def test_keys_are_neither_logged_nor_repeated(
    service: Service, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, weak = await service.key("acme", "admin"), await service.key("acme", "costs")
    answers = [
        await service.ask(headers=headers, **wrong)
        for headers in (key, weak, {"Authorization": key["Authorization"][:-1]})
        for wrong in ({}, {"tenant_id": "globex"}, {"query": ""}, {"model": "nothing"})
    ]
    keys = KeyStore(service.services.database)
    for each in await keys.list():
        await keys.revoke(each.id, now=service.services.now())
    service.engine.keys._kept.clear()
    answers.append(await service.ask(headers=key))
    monkeypatch.setattr(KeyStore, "find", None)  # a fault of ours, with its traceback
    answers.append(await service.ask(headers=key))
    assert {answer.status_code for answer in answers} == {200, 401, 403, 422, 500}
    assert "request_failed" in log.getvalue()
    reported = log.getvalue() + "".join(f"{answer.headers}{answer.text}" for answer in answers)
    for each in (key, weak):
        token = KeyToken.parse(each["Authorization"].removeprefix("Bearer "))
        assert token is not None
        for part in (token.id, token.secret, token.secret_hash):
            assert part not in reported


@pytest.fixture(scope="module")
def status_of(tmp_path_factory) -> Iterator[Callable[[list[bytes]], int]]:
    """Send header lines as they are to a service that asks for keys; gives the status."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def opened() -> Service:
            folder = tmp_path_factory.mktemp("keys")
            services = await stack.enter_async_context(workflow_services(folder, models=[CannedModel()]))
            service = await stack.enter_async_context(serving(services))
            await service.client.get("/v1/agents", headers=await service.key("acme", "ask"))
            return service

        async def send(lines: list[bytes]) -> int:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            writer.write(b"".join([b"GET /v1/agents HTTP/1.1\r\nHost: localhost\r\n", *lines]))
            writer.write(b"Connection: close\r\n\r\n")
            status = int((await reader.readline()).split()[1])
            await reader.read()
            writer.close()
            await writer.wait_closed()
            return status

        service = runner.run(opened())
        yield lambda lines: runner.run(send(lines))
        runner.run(stack.aclose())


VALUES = st.binary(max_size=120) | st.from_regex(rb"(?i)bearer +vital_[0-9a-f]{0,17}_.{0,70}")


@given(st.lists(VALUES, max_size=3))
@example([b"Bearer " + b"\xff" * 100])
@example([b"Bearer vital_" + b"0" * 16 + b"_" + b"0" * 64])
@example([b"\x00"])
def test_no_header_is_a_key_or_breaks_anything(
    status_of: Callable[[list[bytes]], int], values: list[bytes]
) -> None:
    lines = [b"Authorization: " + value.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n" for value in values]
    assert status_of(lines) in (400, 401)  # 400: not even a header


async def test_an_expired_key_is_refused_with_its_date_and_never_held_back(service: Service) -> None:
    keys, now = KeyStore(service.services.database), service.services.now()
    new = await keys.create(
        tenant_id="acme", scopes=("ask",), name="", now=now, expires_at=now + timedelta(days=1)
    )
    headers = {"Authorization": f"Bearer {new.token}"}
    assert (await service.client.get("/v1/agents", headers=headers)).status_code == 200
    service.engine.keys._now = lambda: now + timedelta(days=1)
    for _ in range(50):  # a wrong key is held back, and then refused, long before
        response = await service.client.get("/v1/agents", headers=headers)
        assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="vital", error="invalid_token"'
    assert response.json()["type"] == "urn:vital:not-authenticated"
    detail = response.json()["detail"]
    assert f"expired at {now + timedelta(days=1):%Y-%m-%d %H:%M:%S} UTC" in detail
    assert new.key.id not in response.text


async def test_the_successor_of_a_key_is_let_in_as_it_was(service: Service) -> None:
    old, keys = await service.key("acme", "ask"), KeyStore(service.services.database)
    (key,) = await keys.list()
    new = await keys.rotate(key.id, overlap=timedelta(hours=24), now=service.services.now())
    for headers in (old, {"Authorization": f"Bearer {new.token}"}):
        response = await service.client.get("/v1/session", headers=headers)
        assert (response.json()["tenant_id"], response.json()["scopes"]) == ("acme", ["ask"])
