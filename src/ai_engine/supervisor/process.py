"""One worker process, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from typing import Final

from ai_engine.supervisor.channel import ChannelClosed, Topic, WorkerChannel
from ai_engine.supervisor.load_table import LoadTable
from vital_shared.logs import get_logger
from vital_shared.monitoring.labels import WORKER_VARIABLE

__all__ = ["PROGRAM", "WorkerProcess"]

logger = get_logger(__name__)

PROGRAM: Final = "ai_engine.supervisor"

START_SECONDS: Final = 60.0
"""A worker that does not serve by then is killed."""

STOP_SECONDS: Final = 15.0
"""Seconds after which a worker that was stopped and has not ended is killed."""

HEARTBEAT_SECONDS: Final = 2.0
"""The time between two signs of life."""

LATE_ANSWER_SECONDS: Final = 2.0
"""Seconds to wait for an answer that is there already, where it was the supervisor that stood still."""

SNAPSHOT_SECONDS: Final = 3.0
"""A worker that does not say within this time what it has counted is taken as it last was."""


class WorkerProcess:
    """A worker process and the channel to it."""

    def __init__(self, number: int, process: Process, channel: WorkerChannel, hang_seconds: float) -> None:
        self.number = number
        self.is_hung = False
        """Whether it was killed, since it gave no sign of life."""
        self._hang_seconds = hang_seconds
        self.is_ready = False
        """Whether it serves."""
        self.failure = ""
        """The reason why it cannot serve, in its own words."""
        self.last = b""
        """Its counts when it was last asked."""
        self._last_at = time.monotonic()
        self._process = process
        self._channel = channel
        self._asking: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls,
        number: int,
        listener: socket.socket,
        environment: Mapping[str, str],
        *,
        hang_seconds: float,
        loads: LoadTable | None = None,
        program: str = PROGRAM,
    ) -> WorkerProcess:
        """Start one, in a session of its own: Ctrl-C reaches the supervisor alone.

        :param hang_seconds: without a sign of life for this long it is killed, once it serves.
        :param loads: the loads of all workers; None: it takes any connection it can get.
        :param program: the module that the process runs.
        :raises OSError: when the system has no process, memory or file left for it.
        """
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as unused:
            unused.callback(ours.close)
            inherited = (listener.fileno(), theirs.fileno(), *(() if loads is None else (loads.fd,)))
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                program,
                *map(str, inherited),
                stdin=DEVNULL,
                env={**os.environ, **environment, WORKER_VARIABLE: str(number)},
                pass_fds=inherited,
                start_new_session=True,
            )
            unused.pop_all()
        return cls(number, process, await WorkerChannel.open(ours), hang_seconds)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def unseen_seconds(self) -> float:
        """Seconds since its counts were last asked for; 0 where it has sent its last."""
        return max(0.0, time.monotonic() - self._last_at)

    async def run(
        self,
        on_ready: Callable[[], None],
        scrape: Callable[[bytes], Awaitable[bytes]],
        samples: Callable[[bytes], Awaitable[bytes]],
    ) -> int:
        """Listen to the worker until it has ended, and return its exit code.

        :param on_ready: called when it serves.
        :param scrape: makes the text of the metrics of all workers, in a format.
        :param samples: gives the samples of all workers, of some names.
        """

        async def handle(topic: Topic, body: bytes) -> bytes:
            match topic:
                case Topic.READY:
                    self.is_ready = True
                    logger.info("worker_ready", worker=self.number, pid=self.pid)
                    impatience.cancel()
                    watching.append(asyncio.create_task(self._watch()))
                    on_ready()
                case Topic.FAILED:
                    self.failure = body.decode()
                case Topic.SNAPSHOT:
                    self.last, self._last_at = body, math.inf
                case Topic.METRICS:
                    return await scrape(body)
                case Topic.SAMPLES:
                    return await samples(body)
            return b""

        watching: list[asyncio.Task[None]] = []
        impatience = asyncio.get_running_loop().call_later(START_SECONDS, self.kill)
        try:
            await self._channel.serve(handle)
            async with asyncio.timeout(STOP_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            logger.warning("worker_killed", worker=self.number, pid=self.pid)
        finally:
            impatience.cancel()
            for task in watching:
                task.cancel()
            self.kill()
        return await self._process.wait()

    async def _watch(self) -> None:
        """Kill the worker when it gives no sign of life: its event loop stands, or the process does."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            asking = asyncio.create_task(self._channel.ask(Topic.HEARTBEAT))
            try:
                await asyncio.wait({asking}, timeout=self._hang_seconds)
                await asyncio.wait({asking}, timeout=LATE_ANSWER_SECONDS)
            finally:
                asking.cancel()
            if not asking.done():
                self.is_hung = True
                logger.error("worker_hung", worker=self.number, pid=self.pid, seconds=self._hang_seconds)
                self.kill()
                return
            if asking.cancelled() or asking.exception() is not None:  # it has ended
                return

    async def refresh(self) -> None:
        """See that `last` is what it has counted now; if it does not say so in time, `last` stays."""
        if not self.is_ready:
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            await asyncio.wait({self._asking}, timeout=SNAPSHOT_SECONDS)

    async def _ask(self) -> None:
        asked_at = time.monotonic()
        try:
            answer = await self._channel.ask(Topic.SNAPSHOT)
        except ChannelClosed as error:
            logger.info("worker_ended_while_asked", worker=self.number, reason=str(error))
            return
        if answer:
            self.last, self._last_at = answer, asked_at

    def announce_end_of_peer(self) -> None:
        """Let it know that another worker has ended, so that it ends what that one has left open."""
        if self.is_ready:
            self._channel.send(Topic.PEER_ENDED)

    def stop(self, grace_seconds: float) -> None:
        """Ask it to stop; if it has not even started, there is nothing to wait for.

        :param grace_seconds: time that its runs may go on; stopped a second time, it does not wait for them.
        """
        if self.is_ready:
            self._channel.send(Topic.STOP)
            asyncio.get_running_loop().call_later(grace_seconds + STOP_SECONDS, self.kill)
        else:
            self.kill()

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self._process.returncode is None:
            self._process.kill()
