"""Keys over HTTP: what may be made, seen and revoked with which."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.ai_engine.harness import Service

from vital_shared.store.keys import KeyStore

ASK = {"scopes": ["ask"], "name": "website"}


async def make(service: Service, headers: dict[str, str], **fields: Any) -> httpx.Response:
    return await service.client.post("/v1/keys", json=ASK | fields, headers=headers)


def bearer(answer: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def expiring_key(service: Service, lifetime: timedelta) -> dict[str, str]:
    now = service.services.now()
    new = await KeyStore(service.services.database).create(
        tenant_id="acme", scopes=["admin"], name="guest", now=now, expires_at=now + lifetime
    )
    return {"Authorization": f"Bearer {new.token}"}


async def test_a_key_is_made_and_works_and_its_text_is_shown_once(service: Service) -> None:
    operator = await service.key(None, "admin")
    made = await make(service, operator, tenant_id="acme")
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert (made.json()["key"]["tenant_id"], made.json()["key"]["scopes"]) == ("acme", ["ask"])
    shown = (await service.client.get("/v1/session", headers=bearer(made))).json()
    assert (shown["tenant_id"], shown["key_name"]) == ("acme", "website")
    listed = await service.client.get("/v1/keys", headers=operator)
    assert made.json()["token"] not in listed.text
    assert [key["id"] for key in listed.json()["keys"] if key["name"] == "website"] == [
        made.json()["key"]["id"]
    ]


async def test_a_revoked_key_stays_in_the_list_and_is_refused(service: Service) -> None:
    operator = await service.key(None, "admin")
    made = await make(service, operator, tenant_id="acme")
    revoked = await service.client.delete(f"/v1/keys/{made.json()['key']['id']}", headers=operator)
    assert revoked.json()["revoked_at"] is not None
    assert (await service.client.get("/v1/runs", headers=bearer(made))).status_code == 401
    assert (await service.client.delete("/v1/keys/none", headers=operator)).status_code == 404


async def test_a_tenants_administrator_makes_keys_of_its_tenant_alone(service: Service) -> None:
    own = await service.key("acme", "admin")
    assert (await make(service, own)).json()["key"]["tenant_id"] == "acme"
    for fields, field in (({"tenant_id": "globex"}, "tenant_id"), ({"all_tenants": True}, "all_tenants")):
        refused = await make(service, own, **fields)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_a_tenants_administrator_revokes_no_key_of_all_tenants(service: Service) -> None:
    operator, own = await service.key(None, "admin"), await service.key("acme", "admin")
    made = await make(service, operator, all_tenants=True)
    assert made.json()["key"]["tenant_id"] is None
    path = f"/v1/keys/{made.json()['key']['id']}"
    assert (await service.client.delete(path, headers=own)).status_code == 404
    assert (await service.client.get("/v1/session", headers=bearer(made))).status_code == 200


async def test_no_key_outlives_the_one_that_it_is_made_with(service: Service) -> None:
    guest = await expiring_key(service, timedelta(hours=1))
    now = datetime.now(UTC)
    for expires_at in (None, (now + timedelta(days=1)).isoformat()):
        refused = await make(service, guest, expires_at=expires_at)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "expires_at")
    soon = await make(service, guest, expires_at=(now + timedelta(minutes=5)).isoformat())
    assert soon.status_code == 201


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "tenant_id"),
        ({"tenant_id": "acme", "all_tenants": True}, "all_tenants"),
        ({"tenant_id": "acme", "scopes": []}, "scopes"),
        ({"tenant_id": "acme", "scopes": ["root"]}, "scopes.0"),
        ({"tenant_id": "acme", "name": "x" * 201}, "name"),
        ({"tenant_id": "acme", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"tenant_id": "acme", "expires_at": "2100-01-01T00:00:00"}, "expires_at"),
        ({"tenant_id": "a b"}, "tenant_id"),
        ({"tenant_id": "acme", "token": "vital_mine"}, "token"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(service: Service, fields: dict[str, Any], field: str) -> None:
    refused = await make(service, await service.key(None, "admin"), **fields)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_a_key_without_the_scope_makes_none(service: Service) -> None:
    for scope in ("ask", "costs"):
        assert (await make(service, await service.key("acme", scope))).status_code == 403
