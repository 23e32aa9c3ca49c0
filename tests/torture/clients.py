"""Clients that ask until they are answered, as a careful client does, and note what came of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any, Final

import aiohttp

__all__ = ["Asked", "Clients"]

LONGEST_WAIT_SECONDS: Final = 120.0
"""A question without an answer by then counts as unanswered."""

NEIGHBOURS: Final = ("acme", "globex", "initech")
"""Tenants of the correct provider."""


@dataclass
class Asked:
    """One question, and how it went."""

    number: int
    tenant: str
    fault: str
    """The fault during which it was asked."""
    status: int = 0
    """The last answer's; 0 where none came."""
    seconds: float = 0.0
    run_id: str = ""
    cost: Decimal = Decimal(0)
    retries: int = 0
    broken_connections: int = 0
    error: str = ""

    @property
    def is_neighbour(self) -> bool:
        """Whether its tenant uses the correct provider."""
        return self.tenant in NEIGHBOURS


class Clients:
    """Clients of one engine.

    :param url: where it listens.
    """

    def __init__(self, url: str) -> None:
        self.asked: list[Asked] = []
        self._url = url
        self._numbers = count(1)

    async def ask(self, fault: str, until: asyncio.Event, *, neighbours: int, odd: int) -> None:
        """Ask without a pause, each client one question after the other, until a fault is over.

        :param neighbours: clients of the correct provider; each asks at least once.
        :param odd: more of them, of a tenant whose provider sends odd answers.
        """
        tenants = [*(NEIGHBOURS[n % len(NEIGHBOURS)] for n in range(neighbours)), *["odd"] * odd]
        # A new connection each time, so that each worker gets its share.
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with aiohttp.ClientSession(self._url, connector=connector) as session:

            async def client(tenant: str) -> None:
                while True:
                    asked = Asked(next(self._numbers), tenant, fault)
                    self.asked.append(asked)
                    await self._one(session, asked)
                    if until.is_set():
                        return

            async with asyncio.TaskGroup() as tasks:
                for tenant in tenants:
                    tasks.create_task(client(tenant))

    async def _one(self, session: aiohttp.ClientSession, asked: Asked) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST_WAIT_SECONDS):
                while not await self._answered(session, asked):
                    asked.retries += 1
        except TimeoutError:
            asked.error = asked.error or "no answer in time"
        asked.seconds = time.monotonic() - began

    async def _answered(self, session: aiohttp.ClientSession, asked: Asked) -> bool:
        """Ask once; False: try again."""
        body = {
            "query": f"What is the answer to torture-{asked.number}?",
            "mode": "2",
            "tenant_id": asked.tenant,
            "user_id": "ann",
            "model": "good:m" if asked.is_neighbour else "odd:m",
            "enable_rag": False,
        }
        headers = {"Idempotency-Key": f"torture-{asked.number}"}
        try:
            async with session.post("/v1/runs", json=body, headers=headers) as response:
                answer = await response.json()
        except (aiohttp.ClientError, ConnectionError) as error:
            asked.broken_connections += 1
            asked.error = f"{type(error).__name__}: {error}"
            await asyncio.sleep(0.2)
            return False
        return await self._noted(asked, response, answer)

    async def _noted(self, asked: Asked, response: aiohttp.ClientResponse, answer: Any) -> bool:
        asked.status = response.status
        if response.status == 200:
            asked.run_id, asked.cost, asked.error = answer["run_id"], Decimal(answer["cost"]["total"]), ""
            return True
        asked.error = f"{response.status} {str(answer)[:200]}"
        if "Retry-After" not in response.headers:
            return True
        await asyncio.sleep(float(response.headers["Retry-After"]))
        return False
