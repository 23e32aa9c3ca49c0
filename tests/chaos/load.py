"""Many clients at once, each of which asks one question after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

import aiohttp
from tests.chaos.client import Client
from tests.chaos.question import KINDS, Question
from tests.chaos.stack import TENANTS

__all__ = ["Load"]


class Load:
    """The clients of some replicas.

    :param urls: where the replicas listen.
    :param at_once: clients, and so runs at the same time.
    """

    def __init__(self, urls: Sequence[str], at_once: int) -> None:
        self.questions: list[Question] = []
        self._urls = urls
        self._at_once = at_once
        self._numbers = count(1)

    async def ask(self, fault: str, until: asyncio.Event) -> None:
        """Ask without a pause, until a fault is over; each client asks at least once.

        :param fault: its name.
        """
        # A new connection each time, as from many clients.
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
            client = Client(session, self._urls)
            for number in range(self._at_once):
                tasks.create_task(self._one_client(client, number, fault, until))

    async def _one_client(self, client: Client, number: int, fault: str, until: asyncio.Event) -> None:
        while True:
            question = Question(
                number=(asked := next(self._numbers)),
                kind=KINDS[asked % len(KINDS)],
                tenant=TENANTS[number % len(TENANTS)],
                session=f"session-{number}",
                fault=fault,
            )
            self.questions.append(question)
            await client.ask(question)
            if until.is_set():
                return
