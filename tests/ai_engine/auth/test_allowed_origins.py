"""Pages of other origins use the API with keys, where an operator allows their origins."""

from typing import Any

import pytest
from pydantic import ValidationError
from tests.ai_engine.auth.test_session_ring import sign_in
from tests.ai_engine.harness import Service, asked, serving

from ai_engine.settings import ServerSettings
from vital_shared.testing import CannedModel, workflow_services

PAGE = "https://app.example.com"
ASKING = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
}
CHAT = {"model": "mode-2/generalist", "messages": [{"role": "user", "content": "How long?"}]}


@pytest.fixture
async def allowing(tmp_path):
    async with (
        workflow_services(tmp_path, models=[CannedModel("Canned.")]) as services,
        serving(services, cors_origins=(PAGE, "app://obsidian.md")) as service,
    ):
        yield service


def marks(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control")}


async def test_a_browser_may_send_a_key_from_an_allowed_origin(allowing: Service) -> None:
    key = await allowing.key("acme", "ask")
    permission = await allowing.client.options("/v1/chat/completions", headers=ASKING)
    assert (permission.status_code, permission.content) == (204, b"")
    assert permission.headers["access-control-allow-origin"] == PAGE
    assert permission.headers["access-control-allow-headers"] == ASKING["Access-Control-Request-Headers"]
    assert "POST" in permission.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in permission.headers
    for stream in (False, True):
        cross = {**key, "Origin": PAGE, "Sec-Fetch-Site": "cross-site"}
        response = await allowing.client.post(
            "/v1/chat/completions", json=CHAT | {"stream": stream}, headers=cross
        )
        assert response.status_code == 200, response.text
        assert marks(response) == {
            "access-control-allow-origin": PAGE,
            "access-control-expose-headers": "Retry-After, X-Request-ID, X-Vital-Cache, X-Vital-Run-Id",
        }
        assert response.headers["vary"] == "Origin"


async def test_a_page_reads_why_it_is_refused(allowing: Service) -> None:
    key = await allowing.key("acme", "ask")
    await allowing.client.get("/v1/agents", headers=key)  # which closes the engine
    response = await allowing.client.post("/v1/chat/completions", json=CHAT, headers={"Origin": PAGE})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (401, PAGE)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.com.evil.example", "null", ""]
)
async def test_pages_of_other_origins_get_nothing(allowing: Service, origin: str) -> None:
    key = await allowing.key("acme", "ask")
    assert marks(await allowing.client.options("/v1/runs", headers=ASKING | {"Origin": origin})) == {}
    answer = await allowing.client.get("/v1/agents", headers={**key, "Origin": origin})
    assert (marks(answer), answer.headers["vary"]) == ({}, "Origin")


async def test_the_console_is_no_part_of_it(allowing: Service) -> None:
    for path in ("/", "/console", "/metrics"):
        assert marks(await allowing.client.get(path, headers={"Origin": PAGE})) == {}


async def test_a_cookie_of_a_session_counts_for_nobody_elses_page(allowing: Service) -> None:
    cookie = {"Cookie": await sign_in(allowing)}
    assert (await allowing.client.get("/v1/agents", headers=cookie)).status_code == 200
    response = await allowing.client.get("/v1/agents", headers={**cookie, "Origin": PAGE})
    assert response.status_code == 401


async def test_the_console_keeps_its_session_where_every_origin_is_allowed(tmp_path) -> None:
    async with (
        workflow_services(tmp_path, models=[CannedModel("Canned.")]) as services,
        serving(services, cors_origins=("*",)) as service,
    ):
        own = str(service.client.base_url).rstrip("/")
        signed_in = {"Cookie": await sign_in(service), "X-Vital-Console": "1", "Origin": own}
        for fetched in ({}, {"Sec-Fetch-Site": "same-origin"}):
            answer = await service.client.post(
                "/v1/runs", json=asked(model=None), headers=signed_in | fetched
            )
            assert answer.status_code == 200, answer.text


async def test_an_open_engine_stays_its_own_machines(allowing: Service) -> None:
    response = await allowing.client.post("/v1/runs", json=asked(), headers={"Origin": PAGE})
    assert response.status_code == 403


@pytest.mark.parametrize(
    "origins", ["https://app.example.com/", "app.example.com", "https://*.example.com", "null"]
)
def test_what_is_no_origin_is_refused_at_the_start(origins: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITAL_CORS_ORIGINS", f"https://one.example, {origins}")
    with pytest.raises(ValidationError, match="cors_origins"):
        ServerSettings()


def test_several_origins_and_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, read in (
        ("*", ("*",)),
        (" https://a.example , app://b", ("https://a.example", "app://b")),
        ("", ()),
    ):
        monkeypatch.setenv("VITAL_CORS_ORIGINS", text)
        assert ServerSettings().cors_origins == read
