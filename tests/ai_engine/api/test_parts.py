"""Tools, models and providers over HTTP, with their health, and without anything secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.ai_engine.harness import Serve, Service

from vital_shared.llm.base import ModelError
from vital_shared.testing import CannedModel


async def test_tools_are_listed_with_what_they_cost_and_whether_they_wait(service: Service) -> None:
    listed = (await service.client.get("/v1/tools")).json()
    tools = {tool["name"]: tool for tool in listed["tools"]}
    calculator = tools["calculator"]
    assert (calculator["cost_dollars"], calculator["is_read_only"]) == ("0", True)
    assert calculator["description"]
    assert "memory" in listed["sources"]
    assert listed["mcp_servers"] == []


async def test_a_model_that_fails_says_why_until_it_answers_again(serve: Serve) -> None:
    failing = CannedModel("x", name="failing", error=ModelError("It is away", model="failing", kind="server"))
    service = await serve([failing])
    await service.ask(model="failing")
    models = {each["name"]: each for each in (await service.client.get("/v1/providers")).json()["models"]}
    assert models["failing"]["is_installed"] is True
    assert models["failing"]["last_failure"]
    assert models["canned"]["last_failure"] is None


async def test_a_provider_shows_the_name_of_its_key_and_never_the_key(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    service = await serve()
    answer = await service.client.get("/v1/providers")
    providers = {each["name"]: each for each in answer.json()["providers"]}
    assert (providers["openai"]["key_env"], providers["openai"]["is_ready"]) == ("OPENAI_API_KEY", True)
    assert providers["anthropic"]["is_ready"] is False
    assert "sk-very-secret" not in answer.text


async def test_an_mcp_server_that_is_away_says_so_without_its_address(serve: Serve, tmp_path: Path) -> None:
    configuration = tmp_path / "vital.toml"
    configuration.write_text('[mcp.away]\ncommand = "/no/such/program"\nconnect_seconds = 5\n')
    service = await serve(config=configuration)
    answer = await service.client.get("/v1/tools")
    (server,) = answer.json()["mcp_servers"]
    assert (server["name"], server["tools"]) == ("away", [])
    assert server["problem"]
