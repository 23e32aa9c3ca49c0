"""Agents over HTTP."""

import pytest
from tests.ai_engine.harness import Service

from vital_shared.workflows.profiles import SHIPPED_AGENTS

AGENT = {"name": "Classifier", "system_prompt": "Classify.", "model": "canned", "tools": ["calculator"]}


async def test_the_shipped_agents_are_listed_as_shared(service: Service) -> None:
    agents = (await service.client.get("/v1/agents")).json()["agents"]
    assert {agent["profile"]["id"] for agent in agents} == {agent.id for agent in SHIPPED_AGENTS}
    assert {agent["tenant_id"] for agent in agents} == {None}


async def test_an_agent_is_saved_shown_asked_and_deleted(service: Service) -> None:
    saved = await service.client.put("/v1/agents/classifier", json=AGENT)
    assert saved.status_code == 200
    shown = await service.client.get("/v1/agents/classifier")
    unset = {"description": "", "sources": None, "fallbacks": [], "hedge_after_seconds": None}
    unset |= {"similar_questions": False}
    assert shown.json() == saved.json() == AGENT | unset | {"id": "classifier"}
    again = await service.client.put("/v1/agents/classifier", json=shown.json() | {"name": "Other"})
    assert again.json()["name"] == "Other"
    answer = await service.ask(agent_id="classifier", model=None)
    assert answer.json()["model"] == "canned"
    assert (await service.client.delete("/v1/agents/classifier")).status_code == 204
    assert (await service.client.get("/v1/agents/classifier")).status_code == 404
    assert (await service.client.delete("/v1/agents/classifier")).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "another"}, "id"),
        ({"name": ""}, "name"),
        ({"system_prompt": None}, "system_prompt"),
        ({"model": "gpt-9"}, "model"),
        ({"tools": ["calculator", "hammer"]}, "tools"),
        ({"sources": ["nowhere"]}, "sources"),
        ({"tools": "calculator"}, "tools"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_an_agent_that_cannot_work_is_not_saved(service: Service, change: dict, field: str) -> None:
    response = await service.client.put("/v1/agents/classifier", json=AGENT | change)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field)
    assert (await service.client.get("/v1/agents/classifier")).status_code == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 5_000, b'{"name": "' + b"x" * 1_000_001 + b'"}', b"7"])
async def test_garbage_is_refused(service: Service, body: bytes) -> None:
    response = await service.client.put(
        "/v1/agents/classifier", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in (400, 413, 422)


async def test_an_id_that_cannot_be_is_refused(service: Service) -> None:
    response = await service.client.put("/v1/agents/Not%20An%20Id", json=AGENT)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "agent_id")
