"""Clients that ask all kinds of things, and count what they get."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import Any

import aiohttp
from tests.ai_engine.harness import SUM, asked

__all__ = ["Load"]

CLIENTS = 24

TENANTS = ("acme", "globex", "initech")


class Load:
    """What clients have asked, and what came of it."""

    def __init__(self, url: str) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        """By mode, tenant and outcome."""
        self.completed: dict[str, Decimal] = {}
        """The cost of each run that has an answer."""
        self.turned_away: Counter[str] = Counter()
        """By status."""
        self.unknown = 0
        """Requests that were cut off."""
        self._url = url
        self._numbers = count()

    async def ask(self, requests: int, kinds: list[str], at: dict[int, Callable[[], Any]]) -> None:
        """Ask so often, the kinds in turn.

        :param at: what to do before which request.
        """
        numbers = iter(range(requests))
        # A new connection each time, so that each worker gets its share.
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(self._url, connector=connector) as session:

            async def client() -> None:
                for number in numbers:
                    if number in at:
                        at[number]()
                    await self._one(session, kinds[number % len(kinds)], next(self._numbers))

            async with asyncio.TaskGroup() as tasks:
                for _ in range(CLIENTS):
                    tasks.create_task(client())

    async def _one(self, session: aiohttp.ClientSession, kind: str, number: int) -> None:
        try:
            await getattr(self, f"_{kind}")(session, number)
        except (aiohttp.ClientError, ConnectionError):
            self.unknown += 1

    def _count(self, body: dict[str, Any], outcome: str) -> None:
        self.counts[str(body["mode"]), body["tenant_id"], outcome] += 1

    def _body(self, number: int, **fields: Any) -> dict[str, Any]:
        mode = number % 4 + 1
        chosen = {"mode": mode, "tenant_id": TENANTS[number % 3], "model": None, "enable_rag": False} | fields
        if chosen["mode"] > 2:
            chosen["session_id"] = f"session-{number}"
        return asked("What is there to say?", **chosen)

    async def _post(
        self, session: aiohttp.ClientSession, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        async with session.post("/v1/runs", json=body, headers=headers) as response:
            return self._answered(body, response.status, await response.json())

    def _answered(self, body: dict[str, Any], status: int, answer: dict[str, Any]) -> dict[str, Any]:
        if status == 200 and answer["status"] == "completed":
            self._count(body, "degraded" if answer["is_degraded"] else "success")
            self.completed[answer["run_id"]] = Decimal(answer["cost"]["total"])
        elif status in (422, 429):
            self._count(body, "rejected")
            self.turned_away[str(status)] += 1
        elif status != 200:
            self._count(body, {409: "cancelled", 504: "failed"}[status])
        return answer

    async def _plain(self, session: aiohttp.ClientSession, number: int) -> None:
        await self._post(session, self._body(number))

    async def _paid(self, session: aiohttp.ClientSession, number: int) -> None:
        await self._post(session, self._body(number, model="quick:model", enable_tools=False))

    async def _hanging(self, session: aiohttp.ClientSession, number: int) -> None:
        body = self._body(number, model="hangs:model", enable_tools=False)
        await self._post(session, body, headers={"X-Request-Timeout": "3"})

    async def _failing(self, session: aiohttp.ClientSession, number: int) -> None:
        body = self._body(number)
        async with session.post("/v1/workflows/failing/runs", json=body) as response:
            assert response.status == 500, await response.text()
        self._count(body, "failed")

    async def _unknown_agent(self, session: aiohttp.ClientSession, number: int) -> None:
        await self._post(session, self._body(number, agent_id=f"nobody-{number}"))

    async def _too_often(self, session: aiohttp.ClientSession, number: int) -> None:
        await self._post(session, self._body(number, tenant_id="hasty"))

    async def _approved(self, session: aiohttp.ClientSession, number: int) -> None:
        body = self._body(number, mode=1) | {"query": SUM}
        paused = await self._post(session, body)
        if paused.get("status") != "awaiting_approval":
            return
        approval = f"/v1/runs/{paused['run_id']}/approval"
        async with session.post(approval, json={"approved": "all"}) as response:
            self._answered(body, response.status, await response.json())

    async def _gone(self, session: aiohttp.ClientSession, number: int) -> None:
        """Begin to read an answer that never ends, and go away."""
        body = self._body(number, model="endless:model", enable_tools=False)
        async with session.post("/v1/runs", json=body, headers={"Accept": "text/event-stream"}) as response:
            async for line in response.content:
                if line.startswith(b"data: ") and json.loads(line[6:])["type"] == "node_started":
                    break
        self._count(body, "cancelled")
