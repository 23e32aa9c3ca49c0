"""The connection between the supervisor and one worker: a pair of sockets, which nobody else can reach.

Each message is a head (length, topic, number) and a body. A message with a number asks for an answer, which
has the same number.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from enum import IntEnum
from struct import Struct
from typing import Final, TypeAlias

from vital_shared.errors import VitalError
from vital_shared.logs import get_logger

__all__ = ["ChannelClosed", "Handle", "Topic", "WorkerChannel"]

logger = get_logger(__name__)

MAX_BYTES: Final = 64_000_000
"""A longer body is none of ours: a snapshot of 10,000 series has less than a million."""

NO_ANSWER: Final = 0

_head: Final = Struct("!IBI")


class Topic(IntEnum):
    """The subject of a message."""

    ANSWER = 0
    READY = 1
    """The worker serves."""
    FAILED = 2
    """The worker cannot serve; the body says why, in words."""
    STOP = 3
    """The worker shall stop; sent a second time, it shall not wait for its runs."""
    SNAPSHOT = 4
    """The worker's counts: requested, or sent as its last."""
    METRICS = 5
    """The counts of all workers, as text: the body asks for ``openmetrics`` or ``text``."""
    HEARTBEAT = 6
    """The supervisor asks for a sign of life; the answer is empty."""
    SAMPLES = 8
    """The samples of all workers in the last hours: the body names series."""
    PEER_ENDED = 7
    """Another worker's process has ended; what it left open is to be ended."""


_topics: Final = frozenset(Topic)

Handle: TypeAlias = Callable[[Topic, bytes], Awaitable[bytes]]
"""Called with each message that is no answer; what it returns is the answer, where one is asked for."""


class ChannelClosed(VitalError):
    """The other side is gone."""


class WorkerChannel:
    """One end of the connection.

    It never waits for the other side to read: what can be under way is bounded, since either side asks for
    a few things at a time.
    """

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._last_number = NO_ANSWER

    @classmethod
    async def open(cls, end: socket.socket) -> WorkerChannel:
        """Take over one socket of a pair."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    async def serve(self, handle: Handle) -> None:
        """Read until the other side is gone, or sends an invalid message; then the waiting requests fail."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while (message := await self._read()) is not None:
                    topic, number, body = message
                    if topic is not Topic.ANSWER:
                        tasks.create_task(self._answer(handle, topic, number, body))
                    elif number in self._asked:
                        self._asked.pop(number).set_result(body)
        finally:
            self._writer.close()
            for future in self._asked.values():
                future.set_exception(_closed())
            self._asked.clear()

    def send(self, topic: Topic, body: bytes = b"") -> None:
        """Send a message that wants no answer; if the other side is gone, it is lost."""
        self._write(topic, NO_ANSWER, body)

    async def ask(self, topic: Topic, body: bytes = b"") -> bytes:
        """Send a message and wait for its answer, which is empty when the other side has failed to give one.

        :raises ChannelClosed: when the other side is gone.
        """
        if self._writer.is_closing():
            raise _closed()
        self._last_number = number = self._last_number % 0xFFFF_FFFF + 1
        self._asked[number] = future = asyncio.get_running_loop().create_future()
        try:
            self._write(topic, number, body)
            answer: bytes = await future
            return answer
        finally:
            self._asked.pop(number, None)

    async def aclose(self) -> None:
        """Send what is written, and close."""
        self._writer.close()
        await self._writer.wait_closed()

    async def _read(self) -> tuple[Topic, int, bytes] | None:
        """Read one message; None: there will be no other."""
        try:
            length, topic, number = _head.unpack(await self._reader.readexactly(_head.size))
            if length <= MAX_BYTES and topic in _topics:
                return Topic(topic), number, await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        logger.error("supervisor_channel_broken", length=length, topic=topic)
        return None

    async def _answer(self, handle: Handle, topic: Topic, number: int, body: bytes) -> None:
        try:
            answer = await handle(topic, body)
        except Exception:  # whatever it is, the other messages still need their answers
            logger.exception("message_unanswered", topic=topic.name)
            answer = b""
        if number != NO_ANSWER:
            self._write(Topic.ANSWER, number, answer)

    def _write(self, topic: Topic, number: int, body: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(_head.pack(len(body), topic, number) + body)


def _closed() -> ChannelClosed:
    return ChannelClosed("The other process of the engine is gone: try again in a moment.")
