"""Questions that are asked again and again, at an even pace."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

import aiohttp

__all__ = ["Ask", "Traffic"]

ANSWER_SECONDS: Final = 120.0
MAX_CONCURRENT_REQUESTS: Final = 2_000

Ask = Callable[[int], dict[str, Any]]
"""A maker of the body of a question, from its number."""


class Traffic:
    """Load on an engine, with counts of its answers.

    :param engine: its address.
    :param headers: sent with each request.
    """

    def __init__(
        self, client: aiohttp.ClientSession, engine: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.answers: Counter[int] = Counter()
        """Answers by status; 0: there was none."""
        self._client = client
        self._url = f"{engine}/v1/runs"
        self._headers = headers or {}
        self._room = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)
        self._numbers = count()

    async def run(self, ask: Ask, per_second: float) -> None:
        """Ask until this is cancelled; what was asked is then given up."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for asked in count():
                await self._room.acquire()
                tasks.create_task(self._one(ask(next(self._numbers))))
                await asyncio.sleep(began + (asked + 1) / per_second - loop.time())

    async def _one(self, body: dict[str, Any]) -> None:
        status = 0
        try:
            timeout = aiohttp.ClientTimeout(ANSWER_SECONDS)
            async with self._client.post(
                self._url, json=body, headers=self._headers, timeout=timeout
            ) as response:
                await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            pass  # counted as none
        finally:
            self._room.release()
            self.answers[status] += 1
