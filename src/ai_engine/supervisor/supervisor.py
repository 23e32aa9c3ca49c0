"""Keep a number of workers running, each replaced when it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import orjson

from ai_engine.background.background_work import BackgroundWork
from ai_engine.monitoring.samples import OwnSamples
from ai_engine.supervisor.gathering import Gathering
from ai_engine.supervisor.process import WorkerProcess
from vital_shared.errors import ConfigurationError
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import WORKER_RESTARTS_TOTAL

__all__ = ["Supervisor"]

logger = get_logger(__name__)

STEADY_SECONDS: Final = 10.0
"""Seconds of life after which a worker is replaced at once; after a shorter one the next waits a while."""

FIRST_DELAY_SECONDS: Final = 0.2
MAX_DELAY_SECONDS: Final = 30.0

SECOND_WORKER: Final = 2

MAX_WORKER_FAILURES: Final = 3
"""Consecutive failures of a worker, while no other serves, after which it is given up."""


class Supervisor:
    """The parent of the workers: starts them, replaces those that end, and stops them all.

    :param count: number of workers.
    :param start: starts the worker of a number, from 1 on.
    :param grace_seconds: time that their runs may go on when they are stopped.
    :param keeps_samples: whether to keep the samples of the last hours, for dashboards.
    """

    def __init__(
        self,
        count: int,
        start: Callable[[int], Awaitable[WorkerProcess]],
        *,
        grace_seconds: float,
        keeps_samples: bool = False,
    ) -> None:
        self._count = count
        self._grace_seconds = grace_seconds
        self._stops = 0
        self._start = start
        self._workers: dict[int, WorkerProcess] = {}
        self._gathering = Gathering(self._workers.values)
        self._samples = OwnSamples(self._gathering.snapshot)
        self._keeps_samples = keeps_samples
        self._stopping = asyncio.Event()
        self._failure: ConfigurationError | None = None
        self._on_ready: Callable[[], None] | None = None

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Keep them running until `stop`.

        :param on_ready: called once, when all serve.
        :raises ConfigurationError: when they cannot start.
        """
        self._on_ready = on_ready
        async with asyncio.TaskGroup() as tasks:
            for number in range(1, self._count + 1):
                tasks.create_task(self._keep(number))
            background_work = BackgroundWork(tasks)
            if self._keeps_samples:
                background_work.observe(("own_samples", self._samples.watch))
            await self._stopping.wait()
            background_work.stop()
            for worker in self._workers.values():
                worker.stop(self._grace_seconds)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop them all when their runs have ended; when called again, end the runs, and then the workers."""
        self._stops += 1
        for worker in self._workers.values():
            if self._stops == SECOND_WORKER:
                worker.stop(0)
            elif self._stops > SECOND_WORKER:
                worker.kill()
        self._stopping.set()

    async def _keep(self, number: int) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                worker = await self._start(number)
            except OSError as error:  # no memory, process or file is left for one more; the others serve on
                failures += 1
                logger.warning("worker_not_started", worker=number, exc_info=error)
                if failures >= MAX_WORKER_FAILURES:
                    self._give_up(f"the system gives no process ({error.strerror or error})")
                await self._wait(failures)
                continue
            self._workers[number] = worker
            if self._stopping.is_set():
                worker.stop(0)
            code = await worker.run(self._worker_is_ready, self._gathering.text, self._samples_of)
            del self._workers[number]
            self._gathering.leave(worker)
            _log_end(worker, code)
            for peer in self._workers.values():
                peer.announce_end_of_peer()
            if not self._stopping.is_set():
                WORKER_RESTARTS_TOTAL.labels(_cause(worker, code)).inc()
            in_order = worker.is_ready and (code == 0 or time.monotonic() - started >= STEADY_SECONDS)
            failures = 0 if in_order else failures + 1
            if worker.failure or failures >= MAX_WORKER_FAILURES:
                self._give_up(worker.failure or f"they end with exit code {code}, see the log")
            await self._wait(failures)

    async def _samples_of(self, names: bytes) -> bytes:
        found = await self._samples(orjson.loads(names))
        return await asyncio.to_thread(found.dump)

    def _worker_is_ready(self) -> None:
        ready = [worker for worker in self._workers.values() if worker.is_ready]
        if len(ready) == self._count and self._on_ready is not None:
            self._on_ready()
            self._on_ready = None

    def _give_up(self, reason: str) -> None:
        """Stop everything, unless other workers serve."""
        if not any(worker.is_ready for worker in self._workers.values()):
            self._failure = self._failure or ConfigurationError(f"The workers cannot start: {reason}")
            self._stopping.set()

    async def _wait(self, failures: int) -> None:
        """Wait before the next start: twice as long after each failure."""
        if failures:
            delay = min(FIRST_DELAY_SECONDS * 2 ** (failures - 1), MAX_DELAY_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)


def _cause(worker: WorkerProcess, code: int) -> str:
    if worker.is_hung:
        return "hung"
    if code < 0:
        return "killed"
    return "failed" if code else "ended"


def _log_end(worker: WorkerProcess, code: int) -> None:
    log = logger.info if code == 0 else logger.warning
    log(
        "worker ended",
        worker=worker.number,
        pid=worker.pid,
        code=code,
        reason=worker.failure,
        unseen_seconds=round(worker.unseen_seconds, 3),  # what it counted in these is lost to the metrics
    )
