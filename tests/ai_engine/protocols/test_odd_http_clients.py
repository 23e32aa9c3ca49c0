"""HTTP clients with habits of their own: packed bodies, odd charsets, wrong base URLs, several keys."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any

import anthropic
import httpx
import pytest
from tests.ai_engine.harness import Service

MODEL = "mode-2/generalist"
HELLO = [{"role": "user", "content": "How long does the review take?"}]
CONTENTS = [{"role": "user", "parts": [{"text": "How long does the review take?"}]}]
BODIES: Mapping[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": MODEL, "messages": HELLO},
    "/v1/messages": {"model": MODEL, "max_tokens": 100, "messages": HELLO},
    "/v1/messages/count_tokens": {"model": MODEL, "messages": HELLO},
    "/v1/responses": {"model": MODEL, "input": "How long does the review take?"},
    f"/v1beta/models/{MODEL}:generateContent": {"contents": CONTENTS},
}
JSON = {"Content-Type": "application/json"}


def message_of(response: httpx.Response, path: str) -> str:
    """Return the sentence of an error, which has to be in the dialect of a path."""
    body = response.json()
    error: dict[str, Any] = body["error"]
    if path.startswith("/v1beta"):
        assert set(error) == {"code", "message", "status"}
        assert error["code"] == response.status_code
    elif path.startswith("/v1/messages"):
        assert body["type"] == "error"
        assert error["type"]
    else:
        assert set(error) == {"message", "type", "param", "code"}
    message: str = error["message"]
    assert message.rstrip(".")
    return message


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("", bytes),
    ],
)
async def test_a_packed_body_is_read(service: Service, path: str, coding: str, pack: Any) -> None:
    content = pack(json.dumps(BODIES[path]).encode())
    response = await service.client.post(path, content=content, headers=JSON | {"Content-Encoding": coding})
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("path", BODIES)
async def test_a_packed_body_that_cannot_be_read_is_refused_in_the_clients_dialect(
    service: Service, path: str
) -> None:
    packed = gzip.compress(json.dumps(BODIES[path]).encode())
    for coding, content, status, said in (
        ("br", packed, 415, "gzip, deflate or nothing"),
        ("gzip, gzip", packed, 415, "gzip, deflate or nothing"),
        ("gzip", packed[:-9], 400, "is incomplete"),
        ("gzip", packed + b"more", 400, "not compressed"),
        ("gzip", b'{"model": 1}', 400, "not compressed"),
        ("gzip", b"", 400, "not valid JSON"),
    ):
        headers = JSON | {"Content-Encoding": coding}
        response = await service.client.post(path, content=content, headers=headers)
        assert response.status_code == status, (coding, response.text)
        assert said in message_of(response, path)
        if status == 415:
            assert response.headers["accept-encoding"] == "gzip, deflate"


async def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(service: Service) -> None:
    bomb = gzip.compress(b'{"model": "' + b"x" * 200_000_000)
    assert len(bomb) < 250_000
    for path in ("/v1/chat/completions", "/v1/runs"):
        response = await service.client.post(path, content=bomb, headers=JSON | {"Content-Encoding": "gzip"})
        assert response.status_code == 413, response.text


@pytest.mark.parametrize("path", BODIES)
async def test_a_body_in_another_charset_is_refused_by_its_name(service: Service, path: str) -> None:
    text = json.dumps(BODIES[path])
    for charset, encoded, said in (
        ("utf-16", text.encode("utf-16"), "byte order mark"),
        ("utf-8", b"\xef\xbb\xbf" + text.encode(), "byte order mark"),
        ("iso-8859-1", text.replace("How", "Höw").encode("latin-1"), 'not as "iso-8859-1"'),
        ("UTF-16LE", text.encode("utf-16-le"), 'not as "utf-16le"'),
    ):
        media_type = {"Content-Type": f'application/json; charset="{charset}"'}
        response = await service.client.post(
            path, content=encoded.replace(b"\\u00f6", b"\xf6"), headers=media_type
        )
        assert response.status_code == 400, (charset, response.text)
        assert said in message_of(response, path)


@pytest.mark.parametrize("path", BODIES)
async def test_a_number_beyond_all_that_can_be_sent_is_refused(service: Service, path: str) -> None:
    content = json.dumps(BODIES[path]).encode()[:-1] + b', "metadata": {"a": [1e999]}}'
    response = await service.client.post(path, content=content, headers=JSON)
    assert response.status_code == 400
    assert "metadata.a.0 must be a number of 64 bits at most" in message_of(response, path)


WRONG_PATHS = [
    ("/v1/chat/completions/", "/v1/chat/completions"),
    ("//v1/chat/completions", "/v1/chat/completions"),
    ("/v1//chat/completions", "/v1/chat/completions"),
    ("/chat/completions", "/v1/chat/completions"),
    ("/v1/v1/chat/completions", "/v1/chat/completions"),
    ("/responses", "/v1/responses"),
    ("/v1/v1/embeddings", "/v1/embeddings"),
    ("/v1/v1/messages", "/v1/messages"),
    ("/messages", "/v1/messages"),
    ("/v1//messages/count_tokens", "/v1/messages/count_tokens"),
    ("/v1/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent"),
    ("/v1beta/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent"),
    ("/v1beta//models/m:generateContent", "/v1beta/models/m:generateContent"),
    ("/models/m:generateContent", "/v1beta/models/m:generateContent"),
    ("/openai/v1/v1/chat/completions", "/v1/chat/completions"),
    ("/openai/v1/chat/completions/", "/v1/chat/completions"),
    ("/api/v1/chat/completions", "/v1/chat/completions"),
    ("/v1beta/openai/chat/completions", "/v1/chat/completions"),
    ("/v1/openai/embeddings", "/v1/embeddings"),
    ("/v1/deployments/gpt-5/chat/completions", "/v1/chat/completions"),
    ("/openai/v1/deployments/gpt-5/embeddings", "/v1/embeddings"),
    ("/anthropic/v1/messages", "/v1/messages"),
    ("/gemini/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent"),
]


@pytest.mark.parametrize("has_keys", [False, True])
@pytest.mark.parametrize(("path", "intended"), WRONG_PATHS)
async def test_a_wrong_base_url_is_named_in_the_clients_dialect(
    service: Service, path: str, intended: str, has_keys: bool
) -> None:
    headers = await service.key("acme", "ask") if has_keys else {}
    url = f"http://127.0.0.1:{service.port}{path}"
    response = await service.client.post(httpx.URL(url), json={}, headers=headers)
    assert response.status_code == 404, response.text
    message = message_of(response, intended)
    assert f"{path} is not served here" in message
    assert f"{intended} may be: check the base URL" in message


async def test_models_are_not_listed_at_a_wrong_base_url(service: Service) -> None:
    for path in ("/models", "/v1/v1/models", "/v1/models/"):
        response = await service.client.get(path)
        assert response.status_code == 404, path
        assert "/v1/models may be" in message_of(response, "/v1/models")


async def test_other_paths_stay_closed(service: Service) -> None:
    key = await service.key("acme", "ask")
    for path in ("/v1/v1/keys", "//v1/keys", "/elsewhere", "/openai/v1/keys", "/api/keys", "/api/chat"):
        url = httpx.URL(f"http://127.0.0.1:{service.port}{path}")
        assert (await service.client.get(url, headers=key)).status_code == 403, path


async def test_a_method_of_a_model_is_not_read(service: Service) -> None:
    for path in ("/v1beta/models/a:m:generateContent", "/v1/models/a:m:countTokens"):
        response = await service.client.get(path)
        assert (response.status_code, response.headers["allow"]) == (405, "POST"), response.text


async def test_anthropics_client_lists_the_models(service: Service) -> None:
    url = f"http://127.0.0.1:{service.port}"
    async with anthropic.AsyncAnthropic(base_url=url, api_key="any", max_retries=0) as client:
        listed = [each async for each in client.models.list(limit=3)]
        openais = (await service.client.get("/v1/models")).json()["data"]
        assert [each.id for each in listed] == [each["id"] for each in openais]
        assert {each.type for each in listed} == {"model"}
        assert all(each.display_name == each.id for each in listed)
        page = await client.models.list()
        assert (page.has_more, page.first_id, page.last_id) == (False, listed[0].id, listed[-1].id)
        model = await client.models.retrieve(MODEL)
        assert (model.id, model.type, model.created_at.year) == (MODEL, "model", 1970)
        with pytest.raises(anthropic.NotFoundError, match="There is no model"):
            await client.models.retrieve("none")


@pytest.mark.parametrize("path", BODIES)
async def test_of_several_headers_the_one_with_a_key_of_ours_counts(service: Service, path: str) -> None:
    key = (await service.key("acme", "ask"))["Authorization"].removeprefix("Bearer ")
    for headers in (
        {"Authorization": "Bearer sk-ant-oat01-of-somebody-else", "x-api-key": key},
        {"Authorization": f"Bearer {key}", "x-api-key": "sk-ant-of-somebody-else"},
        {"Authorization": f"bearer {key}", "x-api-key": key, "x-goog-api-key": key},
        {"Authorization": "Basic YTpi", "x-goog-api-key": key},
        {"X-API-KEY": key},
        {"api-key": key},
        {"Authorization": "Bearer of-somebody-else", "api-key": key},
    ):
        response = await service.client.post(path, json=BODIES[path], headers=headers)
        assert response.status_code == 200, (headers, response.text)
    refused = {"Authorization": "Bearer sk-1", "x-api-key": "sk-2"}
    response = await service.client.post(path, json=BODIES[path], headers=refused)
    assert response.status_code == 401
    assert "holds no key that can be used here" in message_of(response, path)


async def test_two_keys_of_ours_in_two_headers_are_none(service: Service) -> None:
    one, other = [(await service.key(tenant, "ask"))["Authorization"] for tenant in ("acme", "globex")]
    assert (await service.client.get("/v1/agents", headers={"Authorization": one})).status_code == 200
    headers = {"Authorization": one, "x-api-key": other.removeprefix("Bearer ")}
    response = await service.client.post(
        "/v1/chat/completions", json=BODIES["/v1/chat/completions"], headers=headers
    )
    assert response.status_code == 401
