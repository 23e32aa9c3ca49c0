"""Tokens of an identity provider: what they open, and all that is refused."""

from __future__ import annotations

import base64
import hmac
import json
import warnings
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.warnings import InsecureKeyLengthWarning
from pydantic import ValidationError
from tests.ai_engine.auth.identity_provider import (
    EC,
    ED,
    OTHER_RSA,
    RSA,
    SECRET,
    WEAK_RSA,
    IdentityProvider,
    bearer,
    published,
    serving_keys,
)
from tests.ai_engine.harness import SUM, Serve, Service, asked

from ai_engine.auth.caller import NotAuthenticated
from ai_engine.auth.identity_tokens import IdentityTokens, TokenClaims
from ai_engine.auth.signing_keys import KeysAway, SigningKeys
from ai_engine.settings import ServerSettings


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with serving_keys(IdentityProvider()) as running:
        yield running


@pytest.fixture
async def guarded(serve: Serve, provider: IdentityProvider) -> Service:
    """An engine that takes tokens, and has no key."""
    return await serve(settings=provider.settings)


async def runs(service: Service, token: str) -> httpx.Response:
    return await service.client.get("/v1/runs", headers=bearer(token))


async def test_a_token_opens_its_tenants_part_with_its_scopes(
    guarded: Service, provider: IdentityProvider
) -> None:
    shown = await guarded.client.get("/v1/session", headers=bearer(provider.token()))
    assert shown.json() == {
        "is_open": False,
        "tenant_id": "acme",
        "user_id": "ann",
        "scopes": ["ask"],
        "key_id": None,
        "key_name": "",
    }
    assert (await runs(guarded, provider.token())).status_code == 200
    costs = await guarded.client.get("/v1/costs", headers=bearer(provider.token()))
    assert costs.status_code == 403
    listed = bearer(provider.token(scope=["vital:costs"]))
    assert (await guarded.client.get("/v1/costs", headers=listed)).status_code == 200


async def test_without_a_token_nothing_opens_even_on_this_machine(guarded: Service) -> None:
    refused = await guarded.client.get("/v1/runs")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer realm="vital"'


async def test_keys_work_beside_tokens(guarded: Service) -> None:
    assert (await guarded.client.get("/v1/runs", headers=await guarded.key("acme", "ask"))).status_code == 200


async def test_a_run_belongs_to_the_verified_user_and_tenant(
    guarded: Service, provider: IdentityProvider
) -> None:
    mine, operator = bearer(provider.token()), await guarded.key(None, "admin")
    body = asked("How long?", tenant_id="globex", user_id="mallory", model=None)
    answered = await guarded.client.post("/v1/runs", json=body, headers=mine)
    assert answered.status_code == 200, answered.text
    chat = {"model": "mode-2/generalist", "user": "mallory", "messages": [{"role": "user", "content": "Hi?"}]}
    assert (await guarded.client.post("/v1/chat/completions", json=chat, headers=mine)).status_code == 200
    later = await guarded.client.post("/v1/runs", json=body, headers=mine | {"Prefer": "respond-async"})
    assert later.status_code == 202, later.text
    listed = (await guarded.client.get("/v1/runs", headers=operator)).json()["runs"]
    assert {(run["tenant_id"], run["user_id"]) for run in listed} == {("acme", "ann")}
    assert len(listed) == 3


async def test_a_decision_and_feedback_are_the_verified_users(
    guarded: Service, provider: IdentityProvider
) -> None:
    mine = bearer(provider.token())
    body = asked(SUM, mode=1, model=None)
    run_id = (await guarded.client.post("/v1/runs", json=body, headers=mine)).json()["run_id"]
    resumed = await guarded.client.post(
        f"/v1/runs/{run_id}/resume", json={"approved": "all", "user_id": "mallory"}, headers=mine
    )
    assert resumed.status_code == 200, resumed.text
    thumb = {"kind": "boolean", "value": True, "user_id": "mallory"}
    await guarded.client.post(f"/v1/runs/{run_id}/feedback", json=thumb, headers=mine)
    shown = (await guarded.client.get(f"/v1/runs/{run_id}", headers=mine)).json()
    assert {decision["user_id"] for decision in shown["decisions"]} == {"ann"}
    given = (await guarded.client.get(f"/v1/runs/{run_id}/feedback", headers=mine)).json()["feedback"]
    assert [each["user_id"] for each in given] == ["ann"]


async def test_a_token_for_all_tenants_says_so_and_may_be_narrowed(
    guarded: Service, provider: IdentityProvider
) -> None:
    refused = await runs(guarded, provider.token(tenant=None, scope="vital:admin"))
    assert refused.status_code == 401
    assert "names no tenant" in refused.json()["detail"]
    whole = bearer(provider.token(tenant=None, scope="vital:admin vital:all-tenants"))
    assert (await guarded.client.get("/v1/providers", headers=whole)).status_code == 200
    narrowed = await guarded.client.get("/v1/providers", headers=whole | {"X-Tenant-ID": "acme"})
    assert narrowed.status_code == 403


async def test_the_tenant_header_does_not_widen_a_token(guarded: Service, provider: IdentityProvider) -> None:
    headers = bearer(provider.token(scope="vital:admin")) | {"X-Tenant-ID": "globex"}
    documents = await guarded.client.post("/v1/documents", files={"file": ("a.md", b"# A")}, headers=headers)
    listed = (await guarded.client.get("/v1/documents", headers=headers)).json()["documents"]
    assert documents.status_code == 201
    assert [document["tenant_id"] for document in listed] == ["acme"]


@pytest.mark.parametrize(
    ("algorithm", "key", "kid"),
    [("RS256", RSA, "rsa"), ("PS384", RSA, "rsa"), ("ES256", EC, "ec"), ("EdDSA", ED, "ed")],
)
async def test_signatures_by_private_keys_are_taken(
    guarded: Service, provider: IdentityProvider, algorithm: str, key: Any, kid: str
) -> None:
    assert (await runs(guarded, provider.token(algorithm=algorithm, key=key, kid=kid))).status_code == 200


def forged(provider: IdentityProvider, header: dict[str, Any], signature: bytes = b"x") -> str:
    parts = (json.dumps(header).encode(), json.dumps({"sub": "ann"}).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def signed_with_the_public_key(provider: IdentityProvider) -> str:
    """A token whose shared secret is what everybody knows: the public key."""
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _, claims, _ = provider.token().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"rsa"}').rstrip(b"=").decode()
    digest = hmac.digest(public, f"{head}.{claims}".encode(), "sha256")
    return f"{head}.{claims}." + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def test_unsigned_tokens_and_shared_secrets_are_refused(
    guarded: Service, provider: IdentityProvider
) -> None:
    provider.keys.append(
        {"kty": "oct", "kid": "oct", "k": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")}
    )
    attempts = [
        jwt.encode(provider.claims(), None, algorithm="none", headers={"kid": "rsa"}),
        provider.token(key=SECRET, kid="oct", algorithm="HS256"),
        signed_with_the_public_key(provider),
        forged(provider, {"alg": "none", "kid": "rsa"}),
        forged(provider, {"alg": ["RS256"], "kid": "rsa"}),
        forged(provider, {"alg": "RS256", "kid": 1}),
        forged(provider, {"alg": "RS256", "kid": "rsa", "crit": ["exp"]}),
        forged(provider, {"alg": "RS256", "kid": "rsa", "jwk": published(OTHER_RSA, "rsa")}),
    ]
    for attempt in attempts:
        refused = await runs(guarded, attempt)
        assert refused.status_code == 401, attempt
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": OTHER_RSA}, "its signature is wrong"),
        ({"kid": "nobody"}, "does not name"),
        ({"kid": None}, "does not name"),
        ({"kid": "ec"}, "cannot be used"),
        ({"iss": "https://other.example"}, "another issuer"),
        ({"iss": None}, "lacks its issuer"),
        ({"aud": "other"}, "another audience"),
        ({"aud": None}, "lacks its issuer, audience"),
        ({"exp": None}, "lacks its issuer, audience or expiry"),
        ({"exp": 0}, "expired"),
        ({"nbf": 4_000_000_000}, "not valid yet"),
        ({"iat": 4_000_000_000}, "not valid yet"),
        ({"sub": None}, "VITAL_JWT_USER_CLAIM"),
        ({"sub": "auth0|12"}, "VITAL_JWT_USER_CLAIM"),
        ({"tenant": "a b"}, "VITAL_JWT_TENANT_CLAIM"),
        ({"tenant": 7}, "VITAL_JWT_TENANT_CLAIM"),
        ({"tenant": ""}, "VITAL_JWT_TENANT_CLAIM"),
        ({"exp": 10**30}, "claims"),
    ],
)
async def test_a_token_that_cannot_be_used_says_why_in_one_sentence(
    guarded: Service, provider: IdentityProvider, changes: dict[str, Any], said: str
) -> None:
    refused = await runs(guarded, provider.token(**changes))
    assert refused.status_code == 401
    assert said in refused.json()["detail"]


async def test_a_token_is_taken_a_little_after_its_end_and_no_longer(
    guarded: Service, provider: IdentityProvider
) -> None:
    now = datetime.now(UTC)
    assert (await runs(guarded, provider.token(exp=now - timedelta(seconds=5)))).status_code == 200
    assert (await runs(guarded, provider.token(exp=now - timedelta(seconds=60)))).status_code == 401


async def test_a_weak_key_and_one_for_encryption_are_not_used(
    guarded: Service, provider: IdentityProvider
) -> None:
    provider.keys = [
        published(RSA, "rsa"),
        published(WEAK_RSA, "weak"),
        published(OTHER_RSA, "enc", use="enc"),
    ]
    assert (await runs(guarded, provider.token())).status_code == 200
    with warnings.catch_warnings(action="ignore", category=InsecureKeyLengthWarning):
        attempts = [provider.token(key=WEAK_RSA, kid="weak"), provider.token(key=OTHER_RSA, kid="enc")]
    for attempt in attempts:
        assert (await runs(guarded, attempt)).status_code == 401


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500),
        web.Response(status=302, headers={"Location": "/elsewhere"}),
        web.Response(body=b"<html>"),
        web.Response(body=b"[]"),
        web.Response(body=b'{"keys": []}'),
        web.Response(body=b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'),
        web.Response(body=b'{"keys": [{"kty": "RSA"}]}'),
        web.Response(body=b'{"keys": "' + b"x" * 300_000 + b'"}'),
    ],
)
async def test_nobody_is_let_in_where_the_keys_cannot_be_had(
    guarded: Service, provider: IdentityProvider, answer: web.Response
) -> None:
    provider.answer = answer
    for token in (provider.token(), provider.token(key=OTHER_RSA)):
        refused = await runs(guarded, token)
        assert refused.status_code == 401
        assert "does not return its keys" in refused.json()["detail"]


async def test_made_up_key_ids_do_not_make_the_engine_ask_again_and_again(
    guarded: Service, provider: IdentityProvider
) -> None:
    for number in range(5):
        await runs(guarded, provider.token(kid=f"made-up-{number}"))
    assert provider.asked == 1


class Keys:
    """A key set that may be away, and a clock."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = [published(RSA, "rsa")]
        self.is_away = False
        self.asked = 0
        self.now = 0.0

    async def fetch(self) -> Any:
        self.asked += 1
        if self.is_away:
            raise TimeoutError
        return {"keys": self.keys}


async def test_keys_are_kept_refreshed_and_given_up_when_they_are_away_for_long() -> None:
    source = Keys()
    keys = SigningKeys(source.fetch, clock=lambda: source.now)
    for _ in range(3):
        assert await keys.find("rsa") is not None
    assert source.asked == 1
    source.keys, source.now = [published(RSA, "rsa"), published(EC, "ec")], 20
    assert await keys.find("ec") is not None  # a new one is there at once
    source.keys, source.now = [published(EC, "ec")], 400
    assert await keys.find("rsa") is None  # one that was withdrawn goes
    source.is_away, source.now = True, 1_000
    assert await keys.find("ec") is not None
    source.now = 1_400
    with pytest.raises(KeysAway):
        await keys.find("ec")
    source.is_away, source.now = False, 1_500
    assert await keys.find("ec") is not None


async def test_a_token_without_a_key_id_is_taken_where_there_is_one_key() -> None:
    source = Keys()
    assert await SigningKeys(source.fetch).find(None) is not None
    source.keys.append(published(EC, "ec"))
    assert await SigningKeys(source.fetch).find(None) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    st.one_of(st.text(max_size=60), st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,20}", fullmatch=True))
)
async def test_any_text_is_refused_in_good_order(text: str) -> None:
    source = Keys()
    tokens = IdentityTokens(TokenClaims("i", "a"), SigningKeys(source.fetch), lambda: datetime.now(UTC))
    with pytest.raises(NotAuthenticated):
        await tokens.verify(text)


async def test_the_token_of_a_proxy_counts_in_the_configured_header_alone(
    serve: Serve, provider: IdentityProvider
) -> None:
    passed_on = {"X-Forwarded-Access-Token": provider.token()}
    trusting = await serve(settings=provider.settings | {"jwt_header": "X-Forwarded-Access-Token"})
    assert (await trusting.client.get("/v1/session", headers=passed_on)).json()["user_id"] == "ann"
    false = {"X-Forwarded-Access-Token": provider.token(key=OTHER_RSA)}
    assert (await trusting.client.get("/v1/session", headers=false)).status_code == 401
    other = await serve(settings=provider.settings)
    assert (await other.client.get("/v1/session", headers=passed_on)).status_code == 401


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
async def test_another_sites_page_changes_nothing_through_the_proxy(
    guarded: Service, provider: IdentityProvider, headers: dict[str, str]
) -> None:
    mine = bearer(provider.token())
    refused = await guarded.client.post("/v1/runs", json=asked(model=None), headers=mine | headers)
    assert refused.status_code == 403
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "https://vital.example"}
    answered = await guarded.client.post("/v1/runs", json=asked(model=None), headers=mine | own)
    assert answered.status_code == 200


async def test_a_token_begins_no_session(guarded: Service, provider: IdentityProvider) -> None:
    refused = await guarded.client.post("/v1/session", headers=bearer(provider.token()))
    assert refused.status_code == 422
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize(
    "given",
    [
        {"jwt_issuer": "https://id.example"},
        {"jwt_issuer": "https://id.example", "jwt_audience": "vital"},
        {"jwt_header": "X-Token"},
        {"jwt_issuer": "i", "jwt_audience": "a", "jwt_jwks_url": "http://id.example/jwks"},
        {"jwt_issuer": "i", "jwt_audience": "a", "jwt_jwks_url": "http://127.0.0.1.evil.example/jwks"},
        {"jwt_issuer": "i", "jwt_audience": "a", "jwt_jwks_url": "file:///etc/passwd"},
    ],
)
def test_half_a_configuration_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ServerSettings(**given)  # type: ignore[arg-type]
