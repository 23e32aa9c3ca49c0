"""Ways to make a fault in a scratch stack: each goes on until it is cancelled, and is then undone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final, TypeAlias

import aiohttp

from vital_ops.drill.traffic import Ask, Traffic
from vital_ops.receivers.slack import ARCHIVED
from vital_ops.rules.alert_rule import NOTIFY
from vital_ops.stack.ports import free_port
from vital_ops.stack.scratch import Scratch
from vital_ops.stack.stack import ENGINES, HOST

__all__ = [
    "FaultMaker",
    "Site",
    "lose_replica",
    "overspend",
    "send_requests",
    "send_undeliverable",
    "spend_limit",
    "stop_requests",
]

UNDELIVERABLE_SECONDS: Final = 0.5
"""Between two notifications that cannot be delivered, and how long their alerts last."""

CALM_PACE_SHARE: Final = 0.1
"""The share of its pace at which a fault that rises begins."""


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a drill."""

    client: aiohttp.ClientSession
    at: Scratch


FaultMaker: TypeAlias = Callable[[Site], Coroutine[Any, Any, None]]


def send_requests(
    ask: Ask, per_second: float, *, calm_seconds: float = 0.0, headers: Mapping[str, str] | None = None
) -> FaultMaker:
    """Make a fault of requests at a pace.

    :param calm_seconds: for this long they come a tenth as often first, so that there is a rise.
    :param headers: sent with each request.
    """

    async def make(site: Site) -> None:
        traffic = Traffic(site.client, site.at.engine, headers or {})
        if calm_seconds:
            try:
                async with asyncio.timeout(calm_seconds):
                    await traffic.run(ask, per_second * CALM_PACE_SHARE)
            except TimeoutError:
                pass  # calm is over
        await traffic.run(ask, per_second)

    return make


def stop_requests(ask: Ask, per_second: float, busy_seconds: float) -> FaultMaker:
    """Make a fault of requests that cease to come.

    :param busy_seconds: for this long they come, at an even pace.
    """

    async def make(site: Site) -> None:
        try:
            async with asyncio.timeout(busy_seconds):
                await Traffic(site.client, site.at.engine).run(ask, per_second)
        except TimeoutError:
            await asyncio.Event().wait()

    return make


async def send_undeliverable(site: Site) -> None:
    """Send Alertmanager alerts that Slack refuses: their channel is archived."""
    url = f"{site.at.alertmanager}/api/v2/alerts"
    for number in count():
        labels = {"alertname": ARCHIVED, "incident": f"{ARCHIVED} {number}", NOTIFY: "slack"}
        ends_at = datetime.now(UTC) + timedelta(seconds=UNDELIVERABLE_SECONDS)
        alerts = [{"labels": labels, "endsAt": ends_at.isoformat()}]
        async with site.client.post(url, json=alerts) as answer:
            answer.raise_for_status()
        await asyncio.sleep(UNDELIVERABLE_SECONDS)


async def lose_replica(site: Site) -> None:
    """Name another engine to Prometheus, at an address where there is none."""
    file = site.at.folder / ENGINES / "lost.json"
    file.write_text(json.dumps([{"targets": [f"{HOST}:{free_port(HOST)}"]}]), encoding="utf-8")
    try:
        await asyncio.Event().wait()
    finally:
        file.unlink()


def overspend(tenant: str, body: dict[str, Any], dollars: float) -> FaultMaker:
    """Let a tenant spend money, and give it a budget of as much; it is without one afterwards.

    :param body: a request that costs this many dollars.
    """

    async def make(site: Site) -> None:
        budget = f"{site.at.engine}/v1/budgets/{tenant}"
        limits = {"daily_dollars": f"{dollars:g}", "monthly_dollars": f"{dollars:g}"}
        async with site.client.post(f"{site.at.engine}/v1/runs", json=body | {"tenant_id": tenant}) as answer:
            await answer.read()
        async with site.client.put(budget, json=limits) as answer:
            answer.raise_for_status()
        try:
            await asyncio.Event().wait()
        finally:
            async with site.client.delete(budget) as answer:
                answer.raise_for_status()

    return make


def spend_limit(tenant: str, body: dict[str, Any], dollars: float) -> FaultMaker:
    """Let a tenant spend money, and set a limit of as much a month for it, which is removed afterwards.

    :param body: a request that costs this many dollars.
    """

    async def make(site: Site) -> None:
        limits = f"{site.at.engine}/v1/limits"
        limit = {"level": "tenant", "id": tenant, "unit": "dollars", "period": "month"}
        async with site.client.post(f"{site.at.engine}/v1/runs", json=body | {"tenant_id": tenant}) as answer:
            await answer.read()
        async with site.client.put(limits, json=limit | {"amount": f"{dollars:g}"}) as answer:
            answer.raise_for_status()
            limit_id = (await answer.json())["limit_id"]
        try:
            await asyncio.Event().wait()
        finally:
            async with site.client.delete(f"{limits}/{limit_id}") as answer:
                answer.raise_for_status()

    return make
