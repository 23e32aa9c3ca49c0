"""A drill knows of what came to the stand-ins, and of real receivers what Alertmanager reports."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from vital_ops.drill.receivers import Live, StandingIn
from vital_ops.receivers.delivery import Delivery, Inbox


async def test_a_delivery_is_that_of_the_alert_in_its_title():
    inbox = Inbox()
    receivers = StandingIn(inbox)
    for status, title in (("firing", "[FIRING:1] VeryHighLatency"), ("firing", "[FIRING:1] HighLatency")):
        inbox.put(Delivery("slack", "#ops", status, title, {}))
    assert await receivers.notified("slack", "HighLatency", "firing") == inbox.deliveries[1].at
    waiting = asyncio.create_task(receivers.notified("slack", "HighLatency", "resolved"))
    inbox.put(Delivery("pagerduty", "key", "resolved", "[RESOLVED] HighLatency", {}))
    inbox.put(Delivery("slack", "#ops", "resolved", "[RESOLVED] HighLatency", {}))
    assert await waiting == inbox.deliveries[3].at
    assert receivers.got("HighLatency") == {"slack", "pagerduty"}
    assert receivers.got("Latency") == frozenset()


async def test_an_alert_is_over_though_another_of_its_incident_fires():
    inbox = Inbox()
    receivers = StandingIn(inbox)
    for place, title, message in (
        ("slack", "HighLatency: slow", {"text": "HighLatency: slow"}),
        ("slack", "HighLatency: slow", {"attachments": [{"text": "Panel: x\nVeryHighLatency is over: it"}]}),
        (
            "pagerduty",
            "HighErrorRate",
            {"details": "TenantAvailability (acme) is over: it lasted from 10:00"},
        ),
    ):
        inbox.put(Delivery(place, "#ops", "firing", f"[FIRING] {title}", message))
    assert await receivers.notified("slack", "VeryHighLatency", "resolved") == inbox.deliveries[1].at
    assert receivers.said("TenantAvailability", "resolved", inbox.deliveries[0].at) == {"pagerduty"}
    assert receivers.said("HighLatency", "resolved", inbox.deliveries[0].at) == frozenset()


class Alertmanager:
    """A counter of its requests, and of those that failed."""

    def __init__(self) -> None:
        self.asked, self.failed = 0, 0
        self.seen = asyncio.Event()
        self.url = ""

    async def handle(self, _request: web.Request) -> web.Response:
        self.seen.set()
        lines = [
            f'{name}{{integration="{place}"}} {value}'
            for place, value in (("slack", self.asked), ("email", 9))
            for name in ("alertmanager_notification_requests_total",)
        ]
        lines.append(f'alertmanager_notification_requests_failed_total{{integration="slack"}} {self.failed}')
        return web.Response(text="\n".join(lines) + "\n")


@pytest.fixture
async def alertmanager() -> AsyncIterator[Alertmanager]:
    one = Alertmanager()
    app = web.Application()
    app.router.add_get("/metrics", one.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


async def test_of_the_real_ones_requests_are_counted_that_they_have_taken(alertmanager, monkeypatch):
    monkeypatch.setattr("vital_ops.drill.receivers.POLL_SECONDS", 0.01)
    async with aiohttp.ClientSession() as client:
        live = Live(client, alertmanager.url)
        alertmanager.asked, alertmanager.failed = 1, 1
        waiting = asyncio.create_task(live.notified("slack", "HighLatency", "firing"))
        await alertmanager.seen.wait()
        assert not waiting.done()
        alertmanager.asked = 2
        await waiting
        again = asyncio.create_task(live.notified("slack", "HighLatency", "resolved"))
        alertmanager.seen.clear()
        await alertmanager.seen.wait()
        assert not again.done()
        alertmanager.asked = 3
        await again
