"""All stand-ins together, each at an address of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from vital_ops.receivers.delivery import Inbox
from vital_ops.receivers.mail import serve_mail
from vital_ops.receivers.pagerduty import PAGERDUTY_PATH, PagerDuty
from vital_ops.receivers.slack import SLACK_PATH, Slack

__all__ = ["ROUTING_KEY", "StandIns", "stand_ins"]

HOST: Final = "127.0.0.1"

ROUTING_KEY: Final = "0123456789abcdef0123456789abcdef"
"""A key of PagerDuty's form; the stand-in takes any of this length."""


@dataclass(frozen=True, slots=True)
class StandIns:
    """The addresses of the stand-ins, and their deliveries."""

    inbox: Inbox
    slack_url: str
    """The address in place of a webhook's."""
    pagerduty_url: str
    """The address in place of https://events.pagerduty.com/v2/enqueue."""
    smtp_address: str
    """``host:port``; without TLS."""


@asynccontextmanager
async def stand_ins() -> AsyncIterator[StandIns]:
    """Serve all of them on free ports of loopback."""
    inbox = Inbox()
    async with AsyncExitStack() as stack:
        app = web.Application()
        app.router.add_post("/services/{path:.*}", Slack(inbox).handle)
        app.router.add_post(PAGERDUTY_PATH, PagerDuty(inbox).handle)
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, 0).start()
        base = f"http://{HOST}:{runner.addresses[0][1]}"
        smtp_port = await stack.enter_async_context(serve_mail(inbox))
        yield StandIns(inbox, base + SLACK_PATH, base + PAGERDUTY_PATH, f"{HOST}:{smtp_port}")
