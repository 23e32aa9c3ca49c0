"""Proxies of the environment, and what else of it is not read."""

import pytest
from tests.llm.wires.conftest import collect, text
from tests.llm.wires.servers.base import serve
from tests.llm.wires.servers.openai import SAID, TEXT, stream

from vital_shared.http.proxy import proxy_for
from vital_shared.llm.wires.openai import OpenAIWire
from vital_shared.llm.wires.provider import Provider


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


async def ask(base_url):
    provider = Provider("openai", OpenAIWire(), base_url=base_url, attempts=1)
    try:
        return await collect(provider)
    finally:
        await provider.aclose()


def test_without_one_there_is_none():
    assert proxy_for("https://api.example.org/v1") is None


def test_each_scheme_has_its_own(environment):
    environment.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert proxy_for("https://api.example.org/v1") == "http://proxy.example:3128"
    assert proxy_for("http://api.example.org/v1") is None


def test_what_needs_none_is_asked_directly(environment):
    environment.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    environment.setenv("NO_PROXY", "example.org,10.0.0.5")
    assert proxy_for("https://api.example.org/v1") is None
    assert proxy_for("https://10.0.0.5/v1") is None
    assert proxy_for("https://api.example.com/v1") is not None


@pytest.mark.parametrize("host", ["127.0.0.1:1234", "localhost", "[::1]:80"])
def test_what_runs_on_this_machine_is_never_asked_through_one(environment, host):
    environment.setenv("HTTP_PROXY", "http://proxy.example:3128")
    assert proxy_for(f"http://{host}/v1") is None


async def test_a_provider_is_asked_through_it(environment):
    async with serve(stream(TEXT)) as proxy:
        environment.setenv("HTTP_PROXY", proxy.url)
        events = await ask("http://models.example.org/v1")
    assert text(events) == SAID
    assert proxy.requests[0].headers["Host"] == "models.example.org"


async def test_a_local_model_is_asked_directly_though_there_is_one(environment):
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with serve(stream(TEXT)) as server:
        assert text(await ask(f"{server.url}/v1")) == SAID


async def test_keys_of_a_netrc_are_not_sent(environment, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password very-secret\n")
    environment.setenv("NETRC", str(tmp_path / "netrc"))
    async with serve(stream(TEXT)) as server:
        await ask(f"{server.url}/v1")
    assert "Authorization" not in server.requests[0].headers
