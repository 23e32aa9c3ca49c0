"""Processes that own a run one after the other, over files or over a Redis, and readers that go from one to the next."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from vital_shared.events.encoding import decode
from vital_shared.events.logs import EventLogs
from vital_shared.events.memory import MemoryLog
from vital_shared.events.redis_link import EventKeys
from vital_shared.events.shared_logs import SharedEventLogs

__all__ = ["RUN", "FileOwners", "Owners", "Reader", "RedisOwners", "over_files", "over_redis"]

RUN = "run_1"


class Owners(ABC):
    """The owners of a run; the last one is its owner now."""

    def __init__(self) -> None:
        self.epoch = 0
        self.processes: list[EventLogs] = []
        self.logs: list[MemoryLog] = []
        self.moved = asyncio.Event()
        """Set when the run has a new owner."""

    @property
    def log(self) -> MemoryLog:
        return self.logs[-1]

    @abstractmethod
    async def make(self) -> EventLogs:
        """Start a process."""

    @abstractmethod
    async def die(self, logs: EventLogs, cut: int) -> None:
        """End a process, of whose last unacknowledged write a number of bytes were taken."""

    async def begin(self) -> MemoryLog:
        logs = await self.make()
        self.epoch = 1
        self.processes.append(logs)
        self.logs.append(logs.open(RUN, "acme", epoch=1, is_durable=True))
        return self.log

    async def kill(self, cut: int) -> None:
        await self.die(self.processes[-1], cut)
        self.log.supersede()  # nothing of it goes on
        self.log.close()

    async def take_over(self) -> MemoryLog:
        """Let another process own the run."""
        logs = await self.make()
        self.epoch += 1
        self.processes.append(logs)
        self.logs.append(await logs.restore(RUN, "acme", epoch=self.epoch))
        self.moved.set()
        self.moved = asyncio.Event()
        return self.log

    async def written(self) -> None:
        """Wait until readers may have all that was appended."""
        log = self.log
        with log.follow(log.last_seq - 1) as follower:
            async with asyncio.timeout(10):
                await anext(follower)

    async def aclose(self) -> None:
        for logs in self.processes:
            with suppress(OSError):
                await logs.aclose()


class FileOwners(Owners):
    """Each process is the next one in a data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    async def make(self) -> EventLogs:
        return EventLogs(self._folder)

    async def die(self, logs: EventLogs, cut: int) -> None:
        file = logs._file
        unwritten = b"".join(
            log.piece(log.written_seq, log.last_seq)[0] for log in file._noted if not log.is_superseded
        )
        file._noted.clear()
        if file._file is not None:
            os.write(file._file.fileno(), unwritten[:cut])
            file._file.close()


class RedisOwners(Owners):
    """Each process shares the Redis with the others."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    async def make(self) -> EventLogs:
        logs = SharedEventLogs(self.url)
        await logs.start()
        await logs.presence.sign()
        return logs

    async def die(self, logs: EventLogs, cut: int) -> None:
        """End the process; it may not have learnt that Redis has taken its last write."""
        assert isinstance(logs, SharedEventLogs)
        if cut % 2:
            await logs._mirror._write(list(logs._mirror._noted.values()))
        for task in logs._tasks:
            task.cancel()
        logs._mirror._noted.clear()
        await logs._link.redis.delete(EventKeys.worker(logs.presence.worker))


@asynccontextmanager
async def over_files(folder: Path, _url: str) -> AsyncIterator[Owners]:
    owners = FileOwners(folder)
    try:
        yield owners
    finally:
        await owners.aclose()


@asynccontextmanager
async def over_redis(_folder: Path, url: str) -> AsyncIterator[Owners]:
    owners = RedisOwners(url)
    first = await owners.make()
    await first._link.redis.flushall()
    await first.aclose()
    try:
        yield owners
    finally:
        await owners.aclose()


class Reader:
    """A client that reads where the run is, and connects again where its stream has ended early.

    :param place: the owner to which it connects first.
    """

    def __init__(self, owners: Owners, after: int, place: int = -1) -> None:
        self.after = self.seen = after
        self.events: list[dict] = []
        self._owners = owners
        self._place = place

    async def read(self) -> None:
        """Read to the end of the run."""
        log = self._owners.logs[self._place]
        while True:
            with log.follow(self.seen) as follower:
                while piece := await follower.frames():
                    self.events += [fields for _, fields in decode(piece)]
                    self.seen = follower.seen
            if self.events and self.events[-1]["type"] == "run_failed":
                return
            while log is self._owners.log:
                await self._owners.moved.wait()
            log = self._owners.log

    @property
    def numbers(self) -> list[int]:
        return [event["seq"] for event in self.events]

    def counting(self) -> list[dict]:
        """The events that are not void."""
        left: list[dict] = []
        for event in self.events:
            if event["type"] == "superseded":
                left = [each for each in left if each["seq"] < event["from_seq"]]
            else:
                left.append(event)
        return left
