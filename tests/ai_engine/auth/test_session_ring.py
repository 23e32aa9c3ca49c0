"""Sessions of the console: as good as their key, and of no use to other sites."""

from datetime import timedelta

import pytest
from tests.ai_engine.harness import Service

from vital_shared.store.keys import KeyStore

CONSOLE = {"X-Vital-Console": "1"}


async def sign_in(service: Service, tenant: str | None = "acme", *scopes: str) -> str:
    """Sign in with a new key; returns the cookie as a browser sends it back."""
    key = await service.key(tenant, *(scopes or ("ask",)))
    answer = await service.client.post("/v1/session", headers=key)
    assert answer.status_code == 200, answer.text
    service.client.cookies.clear()
    return answer.headers["set-cookie"].partition(";")[0]


async def test_a_session_has_the_rights_of_its_key(service: Service) -> None:
    cookie = await sign_in(service)
    shown = (await service.client.get("/v1/session", headers={"Cookie": cookie})).json()
    assert (shown["tenant_id"], shown["scopes"], shown["is_open"]) == ("acme", ["ask"], False)
    assert (await service.client.get("/v1/runs", headers={"Cookie": cookie})).status_code == 200
    assert (await service.client.get("/v1/costs", headers={"Cookie": cookie})).status_code == 403
    assert (await service.client.get("/v1/runs")).status_code == 401


async def test_scripts_cannot_read_the_cookie_and_other_sites_cannot_send_it(service: Service) -> None:
    key = await service.key("acme", "costs")
    answer = await service.client.post("/v1/session", headers=key | {"X-Forwarded-Proto": "https"})
    cookie = answer.headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "secure", "path=/", "max-age=43200"} <= set(cookie.split("; "))
    assert key["Authorization"].removeprefix("Bearer ").lower() not in cookie


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (CONSOLE, 204),
        (CONSOLE | {"Sec-Fetch-Site": "same-origin"}, 204),
        ({}, 403),
        (CONSOLE | {"Sec-Fetch-Site": "cross-site"}, 403),
        (CONSOLE | {"Sec-Fetch-Site": "same-site"}, 403),
        (CONSOLE | {"Origin": "https://evil.example"}, 403),
        (CONSOLE | {"Origin": "null"}, 403),
        ({"X-Vital-Console": "0"}, 403),
    ],
)
async def test_only_the_console_itself_changes_anything_by_its_session(
    service: Service, headers: dict, status: int
) -> None:
    cookie = await sign_in(service)
    answer = await service.client.delete("/v1/session", headers={"Cookie": cookie} | headers)
    assert answer.status_code == status


async def test_a_session_ends_with_signing_out(service: Service) -> None:
    cookie = await sign_in(service)
    assert (await service.client.get("/v1/runs", headers={"Cookie": cookie})).status_code == 200
    await service.client.delete("/v1/session", headers={"Cookie": cookie} | CONSOLE)
    assert (await service.client.get("/v1/runs", headers={"Cookie": cookie})).status_code == 401


async def test_a_session_ends_with_its_key_and_with_its_time(service: Service) -> None:
    cookie = await sign_in(service)
    store, now = service.engine.sessions.store, service.services.now()
    token = cookie.partition("=")[2]
    assert (await store.find(token, now=now)).tenant_id == "acme"
    assert await store.find(token, now=now + timedelta(hours=13)) is None
    (key,) = await KeyStore(service.services.database).list(tenant_id="acme")
    await KeyStore(service.services.database).revoke(key.id, now=now)
    assert await store.find(token, now=now) is None


async def test_a_session_ends_when_its_key_expires_to_the_second(service: Service) -> None:
    cookie = await sign_in(service)
    keys, now = KeyStore(service.services.database), service.services.now()
    (key,) = await keys.list(tenant_id="acme")
    await keys.rotate(key.id, overlap=timedelta(hours=1), now=now)
    service.engine.sessions._recent.forget()
    assert (await service.client.get("/v1/runs", headers={"Cookie": cookie})).status_code == 200
    service.engine.sessions._now = lambda: now + timedelta(hours=1)
    assert (await service.client.get("/v1/runs", headers={"Cookie": cookie})).status_code == 401
    store = service.engine.sessions.store
    assert await store.find(cookie.partition("=")[2], now=now + timedelta(hours=1)) is None


@pytest.mark.parametrize(
    "cookie", ["vital_session=x", "vital_session=", "vital_session=" + "a" * 5000, "=;;\x01", "ü"]
)
async def test_a_made_up_session_is_none(service: Service, cookie: str) -> None:
    await sign_in(service)
    answer = await service.client.get("/v1/runs", headers=[(b"cookie", cookie.encode())])
    assert answer.status_code in (400, 401)


async def test_a_key_counts_before_a_session(service: Service) -> None:
    cookie = await sign_in(service, "globex")
    key = await service.key("acme", "ask")
    shown = (await service.client.get("/v1/session", headers={"Cookie": cookie} | key)).json()
    assert shown["tenant_id"] == "acme"


async def test_an_engine_without_keys_needs_no_session(service: Service) -> None:
    shown = (await service.client.get("/v1/session")).json()
    assert (shown["is_open"], shown["tenant_id"], shown["key_id"]) == (True, None, None)
    assert "set-cookie" not in (await service.client.post("/v1/session")).headers
