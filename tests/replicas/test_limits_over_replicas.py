"""Budgets, rates and false keys are counted over all replicas."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from tests.replicas.replicas import Replicas

from ai_engine.auth.key_cache import KEEP_SECONDS

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),  # three files start three replicas each, at the same time
]

RATE = 30


async def limit(replicas: Replicas, tenant: str, **limits: object) -> None:
    response = await replicas.clients[0].put(f"/v1/budgets/{tenant}", json=limits)
    assert response.status_code == 200, response.text


async def test_a_budget_is_spent_once_however_many_replicas_spend_it(replicas: Replicas) -> None:
    tenant = replicas.tenant()
    first = (await replicas.ask(0, "How much?", tenant_id=tenant)).json()
    one = Decimal(first["cost"]["total"])
    budget = 4 * one
    await limit(replicas, tenant, daily_dollars=str(budget))
    answers = await asyncio.gather(
        *(replicas.ask(number % 3, f"How much of {number}?", tenant_id=tenant) for number in range(45))
    )
    assert {each.status_code for each in answers} == {200, 402}
    while (answer := await replicas.ask(1, f"More? {time.time()}", tenant_id=tenant)).status_code == 200:
        answers.append(answer)
    spent = one + sum(Decimal(each.json()["cost"]["total"]) for each in answers if each.status_code == 200)
    standings = [(await client.get(f"/v1/budgets/{tenant}")).json() for client in replicas.clients]
    assert {Decimal(each["daily"]["spent_dollars"]) for each in standings} == {spent}
    assert {Decimal(each["reserved_dollars"]) for each in standings} == {Decimal(0)}
    assert spent <= budget + one


async def test_a_rate_holds_over_all_replicas_and_the_wait_that_each_asks_for_is_true(
    replicas: Replicas,
) -> None:
    tenant = replicas.tenant()
    await limit(replicas, tenant, requests_per_minute=RATE)
    started = time.monotonic()
    asking = [replicas.ask(number % 3, f"Now? {number}", tenant_id=tenant) for number in range(3 * RATE)]
    answers = await asyncio.gather(*asking)
    seconds = time.monotonic() - started
    admitted = sum(each.status_code == 200 for each in answers)
    assert RATE <= admitted <= RATE + 1 + RATE * seconds / 60
    refused = [each for each in answers if each.status_code == 429]
    assert len(refused) == 3 * RATE - admitted
    assert {each.request.url.port for each in refused} == {
        client.base_url.port for client in replicas.clients
    }
    waits = [int(each.headers["retry-after"]) for each in refused]
    assert {each.headers["x-ratelimit-limit"] for each in refused} == {str(RATE)}
    assert all(each.headers["x-ratelimit-reset"] == each.headers["retry-after"] for each in refused)
    assert 1 <= min(waits) <= max(waits) <= 60 / RATE + 1
    await asyncio.sleep(max(waits))
    (again,) = [await replicas.ask(2, "And now?", tenant_id=tenant)]
    assert again.status_code == 200


async def test_false_keys_of_one_address_are_counted_over_all_replicas(replicas: Replicas) -> None:
    """Twenty are answered at once; with three replicas, and not with each."""

    async def send(client: httpx.AsyncClient) -> float:
        started = time.monotonic()
        headers = {"Authorization": "Bearer vk_0000000000000000_wrong"}
        response = await client.get("/v1/agents", headers=headers)
        assert response.status_code in (401, 429)
        return float("inf") if response.status_code == 429 else time.monotonic() - started

    waits = await asyncio.gather(*(send(replicas.clients[number % 3]) for number in range(60)))
    assert sum(seconds > 10 for seconds in waits) >= 20, sorted(waits)  # refused: it would be longer
    good = time.monotonic()
    assert (await replicas.clients[0].get("/v1/agents")).status_code == 200
    assert time.monotonic() - good < 5


async def test_a_key_works_at_all_replicas_and_at_none_soon_after_it_was_revoked(replicas: Replicas) -> None:
    tenant = replicas.tenant()
    async with replicas.keys() as keys:
        new = await keys.create(tenant_id=tenant, scopes=("ask",), name="", now=datetime.now(UTC))
        headers = {"Authorization": f"Bearer {new.token}"}
        for client in replicas.clients:
            assert (await client.get("/v1/agents", headers=headers)).status_code == 200
        await keys.revoke(new.key.id, now=datetime.now(UTC))
    await asyncio.sleep(KEEP_SECONDS)
    for client in replicas.clients:
        assert (await client.get("/v1/agents", headers=headers)).status_code in (401, 429)
