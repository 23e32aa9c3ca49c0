"""The models that a request may name, by its key."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ai_engine.harness import Serve, Service, asked

from vital_shared.models.limits import TenantLimits
from vital_shared.testing import CannedModel, counted

AGENT = {"name": "Own", "system_prompt": "Answer.", "model": "canned", "fallbacks": ["second"]}


@pytest.fixture
async def service(serve: Serve) -> Service:
    return await serve([CannedModel(name=name) for name in ("second", "dear")])


async def ask(service: Service, headers: Any, **fields: Any) -> tuple[int, dict[str, Any]]:
    response = await service.client.post("/v1/runs", json=asked(**fields), headers=headers)
    return response.status_code, response.json()


async def own_agent(service: Service) -> None:
    admin = await service.key("acme", "admin")
    response = await service.client.put("/v1/agents/own", json=AGENT, headers=admin)
    assert response.status_code == 200


@pytest.mark.parametrize("model", [None, "canned", "second", "extractive"])
async def test_an_ask_key_may_name_what_the_agent_lists(service: Service, model: str | None) -> None:
    await own_agent(service)
    status, _ = await ask(service, await service.key("acme", "ask"), agent_id="own", model=model)
    assert status == 200


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["dear", "openai:any-name-1", "no-such"])
async def test_an_ask_key_may_name_no_other(service: Service, model: str, stream: bool) -> None:
    await own_agent(service)
    headers = await service.key("acme", "ask") | ({"Accept": "text/event-stream"} if stream else {})
    with counted() as growth:
        status, problem = await ask(service, headers, agent_id="own", model=model)
        assert growth("vital_workflow_requests_total") == 0
    assert (status, problem["type"]) == (403, "urn:vital:forbidden")
    assert f'may not name the model "{model}"' in problem["detail"]
    assert "canned, extractive, second" in problem["detail"]


async def test_a_key_for_all_tenants_is_held_to_the_questions_tenant(service: Service) -> None:
    await service.services.limits.set("acme", TenantLimits(models=("dear",)), now=service.services.now())
    key = await service.key(None, "ask")
    assert (await ask(service, key, model="dear"))[0] == 200
    assert (await ask(service, key, model="dear", tenant_id="globex"))[0] == 403


async def test_a_tenants_limits_allow_more_until_they_are_lifted(service: Service) -> None:
    key, limits, now = await service.key("acme", "ask"), service.services.limits, service.services.now
    assert (await ask(service, key, model="dear"))[0] == 403
    await limits.set("acme", TenantLimits(models=("dear",)), now=now())
    assert (await ask(service, key, model="dear"))[0] == 200
    await limits.set("acme", TenantLimits(models=()), now=now())
    assert (await ask(service, key, model="dear"))[0] == 403


async def test_an_administrators_key_may_name_any(service: Service) -> None:
    assert (await ask(service, await service.key("acme", "admin"), model="dear"))[0] == 200


async def test_without_keys_any_model_may_be_named(service: Service) -> None:
    assert (await ask(service, {}, model="dear"))[0] == 200


async def test_an_agent_that_is_not_there_is_said_to_be_so(service: Service) -> None:
    status, problem = await ask(service, await service.key("acme", "ask"), agent_id="nobody", model="dear")
    assert (status, problem["errors"][0]["field"]) == (422, "agent_id")


async def test_the_models_endpoint_lists_what_the_key_may_ask(service: Service) -> None:
    await own_agent(service)
    listed = {}
    for tenant in ("acme", "globex"):
        headers = await service.key(tenant, "ask")
        answer = await service.client.get("/v1/models", headers=headers)
        listed[tenant] = {model["id"] for model in answer.json()["data"]}
        for model in sorted(listed[tenant])[:3]:
            body = {"model": model, "messages": [{"role": "user", "content": "How long?"}]}
            done = await service.client.post("/v1/chat/completions", json=body, headers=headers)
            assert done.status_code == 200
    assert {name for name in listed["acme"] if name.endswith("/own")}
    assert listed["acme"] - listed["globex"] == {f"mode-{n}/own" for n in range(1, 5)}
