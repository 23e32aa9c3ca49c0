"""Receivers that never answer hold up the webhooks of their own tenant, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web
from tests.ai_engine.harness import Serve, Service
from tests.ai_engine.test_webhooks import ALLOWED, receiving
from tests.local_server import local_server
from tests.store.test_background_runs import queued

from ai_engine.webhooks.sender import MAX_TENANT_SENDS
from vital_shared.store.webhook_deliveries import WebhookStore

SOON = 8.0
"""Well below the time that a receiver has for its answer."""


@dataclass
class Hanging:
    """A receiver that takes requests, and never answers."""

    url: str = ""
    waiting: int = 0
    most: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, _: web.Request) -> web.Response:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        if self.waiting >= MAX_TENANT_SENDS:
            self.full.set()
        try:
            await self.over.wait()
        finally:
            self.waiting -= 1
        return web.Response()


@asynccontextmanager
async def hanging() -> AsyncIterator[Hanging]:
    receiver = Hanging()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    async with local_server(app) as url:
        receiver.url = f"{url}/hook"
        try:
            yield receiver
        finally:
            receiver.over.set()


async def end_runs(service: Service, tenant_id: str, count: int, url: str) -> None:
    """Store runs of a workflow that nobody serves, each with a webhook, and end them."""
    now, store = datetime.now(UTC), service.services.background
    records = [
        queued(
            f"{tenant_id}-{number}",
            tenant_id=tenant_id,
            workflow="elsewhere",
            created_at=now,
            deadline_at=now + timedelta(hours=1),
        )
        for number in range(count)
    ]
    await store.put(records, None, url)
    for record in records:
        assert await store.fail(record.id, error_type="lost", message="", now=now) is not None


async def test_a_receiver_that_never_answers_holds_up_its_own_tenant_alone(serve: Serve) -> None:
    async with hanging() as dead, receiving() as live:
        service = await serve(settings=ALLOWED)
        await end_runs(service, "acme", 40, dead.url)
        await asyncio.wait_for(dead.full.wait(), SOON)
        await end_runs(service, "globex", 20, live.url)
        async with asyncio.timeout(SOON):
            while len(live.got) < 20:
                await live.arrived.wait()
                live.arrived.clear()
        assert dead.most == MAX_TENANT_SENDS
    assert len({headers["webhook-id"] for headers, _ in live.got}) == 20


async def test_a_free_place_is_for_the_tenant_that_has_the_fewest_under_way(serve: Serve) -> None:
    """Where the receivers of four tenants never answer, these have all places, and many that are older."""
    service = await serve()
    dead = [f"dead-{number}" for number in range(4)]
    for tenant_id in dead:
        await end_runs(service, tenant_id, 20, "https://example.com/hook")
    store, now = WebhookStore(service.services.database), datetime.now(UTC)
    await store.arm(now)
    at_work = dict.fromkeys(dead, MAX_TENANT_SENDS) | {dead[0]: MAX_TENANT_SENDS - 1}
    await end_runs(service, "globex", 2, "https://example.com/hook")
    await store.arm(now + timedelta(seconds=1))
    later = now + timedelta(seconds=2)
    (taken,) = await store.take_due(later, 1, tenant_limit=MAX_TENANT_SENDS, at_work=at_work)
    assert taken.tenant_id == "globex"
    at_work["globex"] = 1
    more = await store.take_due(later, 3, tenant_limit=MAX_TENANT_SENDS, at_work=at_work)
    assert sorted(each.tenant_id for each in more) == ["dead-0", "globex"]


async def test_a_late_failure_does_not_undo_a_delivery(serve: Serve) -> None:
    service = await serve()
    await end_runs(service, "acme", 1, "https://example.com/hook")
    store, now = WebhookStore(service.services.database), datetime.now(UTC)
    await store.arm(now)
    (first,) = await store.take_due(now, 1, tenant_limit=1)
    (again,) = await store.take_due(now + timedelta(minutes=2), 1, tenant_limit=1)  # its process seemed dead
    await store.note_delivered(again.id, status=200, now=now)
    await store.note_failed(first.id, status=None, error="No answer.")
    (delivery,) = await store.of(first.run_id)
    assert (delivery.status, delivery.last_status, delivery.last_error) == ("delivered", 200, None)
