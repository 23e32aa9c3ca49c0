"""Changes and findings of one replica hold at all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.replicas.replicas import MODEL, Replicas

from vital_shared.store.short_lived_cache import RECENT_SECONDS

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.thorough,
    pytest.mark.timeout(300),  # three files start three replicas each, at the same time
]


async def until(found: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await found():  # noqa: ASYNC110 - other processes notify nobody
            await asyncio.sleep(0.05)


async def status(replicas: Replicas, replica: int, query: str, tenant: str, **fields: object) -> str:
    answer = await replicas.ask(replica, query, tenant_id=tenant, **fields)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["cache_status"]
    return found


async def test_an_answer_is_cached_for_all_replicas_until_one_invalidates_it(replicas: Replicas) -> None:
    tenant = replicas.tenant()
    for replica, expected in enumerate(("miss", "hit", "hit")):
        assert await status(replicas, replica, "What is cached?", tenant) == expected
    dropped = await replicas.clients[1].delete("/v1/cache", params={"tenant_id": tenant})
    assert dropped.json()["dropped"] == 1
    await asyncio.sleep(RECENT_SECONDS)
    assert await status(replicas, 2, "What is cached?", tenant) == "miss"
    assert await status(replicas, 0, "What is cached?", tenant) == "hit"


async def test_a_paraphrase_finds_the_answer_that_another_replica_gave(replicas: Replicas) -> None:
    tenant = replicas.tenant()
    profile = (await replicas.clients[0].get("/v1/agents/generalist")).json()
    near = profile.get("profile", profile) | {"id": "near", "similar_questions": True, "model": MODEL}
    saved = await replicas.clients[0].put(
        "/v1/agents/near", json={name: value for name, value in near.items() if name != "tenant_id"}
    )
    assert saved.status_code in (200, 201), saved.text
    fields = {"agent_id": "near"}
    assert await status(replicas, 0, "How long is the review?", tenant, **fields) == "miss"
    for replica in (1, 2):
        again = "Could you tell me how long the review is?"
        assert await status(replicas, replica, again, tenant, **fields) == "hit"
    assert await status(replicas, 1, "How long is the review?", replicas.tenant(), **fields) == "miss"


async def test_a_document_is_found_by_all_replicas_and_its_cached_answers_by_none_when_it_is_gone(
    replicas: Replicas,
) -> None:
    tenant = replicas.tenant()
    headers = {"X-Tenant-ID": tenant, "Content-Type": "text/plain"}
    text = "The calibration of the flux capacitor takes 88 days."
    added = await replicas.clients[0].post(
        "/v1/documents", params={"filename": "flux.txt"}, content=text, headers=headers
    )
    assert added.status_code == 201, added.text
    await asyncio.sleep(RECENT_SECONDS)

    async def cited(replica: int) -> bool:
        question = "How long does the calibration of the flux capacitor take?"
        answer = await replicas.ask(
            replica, question, tenant_id=tenant, enable_rag=True, model=None, agent_id="generalist"
        )
        assert answer.status_code == 200, answer.text
        return "88 days" in answer.json()["response"]

    for replica in range(3):
        assert await cited(replica)
    identity = added.json().get("id") or added.json()["document_id"]
    gone = await replicas.clients[2].delete(f"/v1/documents/{identity}", headers={"X-Tenant-ID": tenant})
    assert gone.status_code == 204
    await asyncio.sleep(RECENT_SECONDS)
    for replica in range(3):
        assert not await cited(replica)


async def test_an_agent_that_was_changed_answers_so_at_all_replicas(replicas: Replicas) -> None:
    tenant = replicas.tenant()
    profile = (await replicas.clients[0].get("/v1/agents/generalist")).json()
    own = profile.get("profile", profile) | {"id": "pirate", "model": MODEL}
    for turn, prompt in enumerate(("Speak as a pirate does.", "Speak as a poet does.")):
        body = {name: value for name, value in own.items() if name != "tenant_id"}
        saved = await replicas.clients[turn].put(
            "/v1/agents/pirate", json=body | {"system_prompt": prompt}, headers={"X-Tenant-ID": tenant}
        )
        assert saved.status_code in (200, 201), saved.text
        await asyncio.sleep(RECENT_SECONDS)
        for replica in range(3):
            answer = await replicas.ask(
                replica, f"Turn {turn}, {replica}?", tenant_id=tenant, agent_id="pirate"
            )
            assert answer.status_code == 200, answer.text
            (call,) = replicas.provider.calls(f"Turn {turn}, {replica}?")
            assert prompt in replicas.provider.prompt(call)


async def test_all_replicas_give_names_to_the_same_values_of_labels(replicas: Replicas) -> None:
    tenants = [replicas.tenant() for _ in range(12)]
    for number, tenant in enumerate(tenants):
        assert await status(replicas, number % 3, "Who am I?", tenant) == "miss"

    async def named(replica: int) -> set[str]:
        series = await replicas.series(replica, "vital_workflow_requests_total")
        return {dict(labels)["tenant_id"] for labels in series} & set(tenants)

    async def agree() -> bool:
        found = [await named(replica) for replica in range(3)]
        return found[0] == found[1] == found[2] == set(tenants)

    await until(agree)
    counted = await replicas.counted("vital_workflow_requests_total", tenant_id=tenants[0])
    assert sum(counted) == 1
