"""The prompts and answers of a run's calls of models, over HTTP: for those who may see them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.ai_engine.auth.identity_provider import IdentityProvider, bearer, serving_keys
from tests.ai_engine.harness import Serve, Service, asked

ASKED = "How long does it take?"


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with serving_keys(IdentityProvider()) as running:
        yield running


def path_of(run_id: str) -> str:
    return f"/v1/runs/{run_id}/model-calls"


async def test_the_calls_of_a_run_are_shown_with_their_words(serve: Serve) -> None:
    service = await serve(store_prompts=True)
    run_id = (await service.ask(ASKED, model="canned")).json()["run_id"]
    shown = (await service.client.get(path_of(run_id))).json()
    last = shown["calls"][-1]
    assert (shown["not_stored"], shown["is_enabled"]) == (0, True)
    assert (last["model"], last["node"], last["answer"]) == ("canned", "answer", "It takes 42 days [1].")
    assert last["messages"][-1] == {"role": "user", "content": ASKED}


async def test_calls_whose_words_are_not_stored_are_counted(service: Service) -> None:
    run_id = (await service.ask(ASKED, model="canned")).json()["run_id"]
    shown = (await service.client.get(path_of(run_id))).json()
    assert shown == {"calls": [], "not_stored": shown["not_stored"], "is_enabled": False}
    assert shown["not_stored"] > 0


async def test_keys_that_only_ask_see_no_prompts_and_other_tenants_no_run(serve: Serve) -> None:
    service = await serve(store_prompts=True)
    admin, asking = await service.key("acme", "admin"), await service.key("acme", "ask", "costs")
    others = await service.key("globex", "admin")
    answered = await service.client.post("/v1/runs", json=asked(ASKED, model=None), headers=asking)
    run_id = answered.json()["run_id"]
    statuses = [
        (await service.client.get(path_of(run_id), headers=key)).status_code
        for key in (admin, asking, others)
    ]
    assert statuses == [200, 403, 404]
    missing = await service.client.get(path_of("run_none"), headers=admin)
    assert missing.status_code == 404


async def test_a_verified_user_sees_the_prompts_of_its_own_runs_alone(
    serve: Serve, provider: IdentityProvider
) -> None:
    service = await serve(settings=provider.settings, store_prompts=True)
    mine, anothers = bearer(provider.token()), bearer(provider.token(sub="bob"))
    body = asked(ASKED, model=None)
    run_id = (await service.client.post("/v1/runs", json=body, headers=mine)).json()["run_id"]
    assert (await service.client.get(path_of(run_id), headers=mine)).status_code == 200
    assert (await service.client.get(path_of(run_id), headers=anothers)).status_code == 403
