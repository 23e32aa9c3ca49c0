"""Errors outside the calls of models, in the form of the API that the client knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anthropic
import httpx
import openai
import pytest
from tests.ai_engine.harness import Service

ANTHROPIC = {"anthropic-version": "2023-06-01"}
GOOGLE = {"x-goog-api-key": "any"}


def dialect(response: httpx.Response) -> str:
    """Name the API whose form an error has."""
    body: dict[str, Any] = response.json()
    if body.get("type") == "error":
        assert body["request_id"] == response.headers["request-id"]
        assert set(body["error"]) == {"type", "message"}
        return "anthropic"
    if "error" not in body:
        assert response.headers["content-type"] == "application/problem+json"
        return "vital"
    if "code" in body["error"] and "status" in body["error"]:
        assert body["error"]["code"] == response.status_code
        return "gemini"
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return "openai"


@pytest.mark.parametrize(
    ("headers", "form"), [(ANTHROPIC, "anthropic"), (GOOGLE, "gemini"), ({}, "openai")], ids=str
)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/none", 404),
        ("GET", "/v1/models/mode-2/none", 404),
        ("GET", "/v1/models/mine:none", 404),
        ("DELETE", "/v1/models/mode-2/generalist", 405),
        ("POST", "/v1/models", 405),
        ("POST", "/v1/files", 404),
        ("GET", "/v1/batches/b_1", 404),
        ("GET", "/models/none", 404),
        ("GET", "/v1/v1/models/none", 404),
        ("GET", "/api/v1/models/none", 404),
    ],
)
async def test_paths_of_several_apis_are_answered_by_the_clients_headers(
    service: Service, method: str, path: str, status: int, headers: Mapping[str, str], form: str
) -> None:
    response = await service.client.request(method, path, headers=headers)
    assert (response.status_code, dialect(response)) == (status, form)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/complete", "anthropic"),
        ("/v1/skills/s", "anthropic"),
        ("/v1/messages/batches", "anthropic"),
        ("/v1/chat/none", "openai"),
        ("/v1/responses/resp_1", "openai"),
        ("/v1beta/files", "gemini"),
        ("/v1/runs/none", "vital"),
        ("/nowhere", "vital"),
    ],
)
async def test_a_path_of_one_api_is_answered_in_its_form_whatever_the_headers(
    service: Service, path: str, form: str
) -> None:
    for headers in ({}, ANTHROPIC, GOOGLE):
        response = await service.client.get(path, headers=headers)
        assert response.status_code in (404, 405), response.text
        assert dialect(response) == form


@pytest.mark.parametrize("headers", [ANTHROPIC, {"anthropic-version": ""}, GOOGLE, {}], ids=str)
async def test_who_has_a_false_key_is_refused_in_the_clients_form(
    service: Service, headers: Mapping[str, str]
) -> None:
    key = await service.key("acme", "ask")
    assert (await service.client.get("/v1/models", headers=key)).status_code == 200
    form = "anthropic" if "anthropic-version" in headers else "gemini" if headers else "openai"
    for path in ("/v1/models", "/v1/models/none", "/v1/files"):
        false = {"Authorization": "Bearer sk-1"} | headers
        response = await service.client.get(path, headers=false)
        assert (response.status_code, dialect(response)) == (401, form)


async def test_the_official_clients_raise_their_own_errors(service: Service) -> None:
    url = f"http://127.0.0.1:{service.port}"
    async with anthropic.AsyncAnthropic(base_url=url, api_key="any", max_retries=0) as client:
        with pytest.raises(anthropic.NotFoundError, match="There is no model") as missing:
            await client.models.retrieve("none")
        assert missing.value.type == "not_found_error"
        assert missing.value.request_id
        with pytest.raises(anthropic.NotFoundError, match="of Anthropic's API there are POST /v1/messages"):
            await client.beta.files.list()
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as others:
        with pytest.raises(openai.NotFoundError, match="of OpenAI's API there are"):
            await others.files.list()
        with pytest.raises(openai.NotFoundError) as unknown:
            await others.models.retrieve("none")
        assert unknown.value.code == "model_not_found"
