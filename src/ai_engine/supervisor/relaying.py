"""Requests between workers: they go by way of the supervisor, which alone has a channel to each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from ai_engine.runs.peer_protocol import ALL, Ask, pack, unpack
from ai_engine.supervisor.channel import ChannelClosed, Topic, WorkerChannel
from ai_engine.supervisor.process import WorkerProcess

__all__ = ["Relaying", "ask_through"]

ANSWER_TIMEOUT_SECONDS: Final = 60.0
"""A worker that does not answer within this time is taken for gone; longer than any heartbeat."""


class Relaying:
    """A relay of wishes, which gathers the answers.

    :param workers: gives those that run.
    """

    def __init__(self, workers: Callable[[], Iterable[WorkerProcess]]) -> None:
        self._workers = workers

    async def relay(self, sender: WorkerProcess, body: bytes) -> bytes:
        """Ask those that a message is for.

        :param body: the number of a worker, or `ALL`, as one byte, and the wish.
        """
        to, wish = body[0], body[1:]
        others = [
            worker
            for worker in self._workers()
            if worker is not sender and worker.is_ready and to in (ALL, worker.number)
        ]
        answers = await asyncio.gather(*(self._ask(worker, wish) for worker in others))
        return pack(zip((worker.number for worker in others), answers, strict=True))

    async def _ask(self, worker: WorkerProcess, wish: bytes) -> bytes:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                return await worker.ask(Topic.RUN, wish)
        except (ChannelClosed, TimeoutError):  # its runs are gone with it
            return b""


def ask_through(channel: WorkerChannel) -> Ask:
    """Make what a worker asks the others with."""

    async def ask(worker: int, wish: bytes) -> dict[int, bytes]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                return dict(unpack(await channel.ask(Topic.RUN, bytes([worker]) + wish)))
        except (ChannelClosed, TimeoutError):  # the supervisor is gone: this worker ends too
            return {}

    return ask
