"""The tasks beside the requests: gauges, sweeps, and what takes on work that other replicas could do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from vital_shared.failure_log import FailureLog
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import BACKGROUND_TASK_FAILURES_TOTAL

__all__ = ["BackgroundWork"]

Sleep: TypeAlias = Callable[[float], Awaitable[None]]

NamedWork: TypeAlias = tuple[str, Callable[[], Awaitable[None]]]
"""A task's name, one of `BACKGROUND_TASK`, and what it does, which is called anew after each failure."""

MIN_PAUSE_SECONDS: Final = 1.0
"""The pause before a task that has failed begins anew; it doubles with each failure in a row."""

MAX_PAUSE_SECONDS: Final = 60.0
"""The longest such pause, and the time without a failure after which the next one counts as the first."""

_failures = FailureLog(get_logger(__name__))


class BackgroundWork:
    """Tasks that end with the engine, some of them sooner.

    One that fails begins anew after a pause: it takes along neither the others nor the runs.

    :param tasks: owns them.
    :param sleep: waits for seconds.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tasks = tasks
        self._sleep = sleep
        self._clock = clock
        self._observing: list[asyncio.Task[None]] = []
        self._working: list[asyncio.Task[None]] = []

    def observe(self, *works: NamedWork) -> None:
        """Begin tasks that go on until the engine has ended, so that it is seen to the last."""
        self._observing += (self._tasks.create_task(self._keep_going(*work)) for work in works)

    def take_on(self, *works: NamedWork) -> None:
        """Begin tasks that take on work: an engine that leaves leaves it to the others."""
        self._working += (self._tasks.create_task(self._keep_going(*work)) for work in works)

    def take_no_more(self) -> None:
        """End the tasks that take on work."""
        for task in self._working:
            task.cancel()

    def stop(self) -> None:
        """End all tasks."""
        self.take_no_more()
        for task in self._observing:
            task.cancel()

    async def _keep_going(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        pause, task = MIN_PAUSE_SECONDS, asyncio.current_task()
        while True:
            began = self._clock()
            try:
                await work()
            except asyncio.CancelledError as error:
                if task is None or task.cancelling():
                    raise
                _note(name, error)  # nobody has cancelled the task itself
            except Exception as error:  # noqa: BLE001 - whatever it is must not end the engine
                _note(name, error)
            else:
                return
            if self._clock() - began >= MAX_PAUSE_SECONDS:
                pause = MIN_PAUSE_SECONDS
            await self._sleep(pause)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)


def _note(name: str, error: BaseException) -> None:
    BACKGROUND_TASK_FAILURES_TOTAL.labels(name).inc()
    _failures.warn("background_task_failed", name, error, task=name)
