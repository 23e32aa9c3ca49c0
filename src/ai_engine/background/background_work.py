"""The tasks beside the requests: gauges, sweeps, and what takes on work that other replicas could do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeAlias

from vital_shared.restarting_task import Sleep, Work, keep_running

__all__ = ["BackgroundWork"]

NamedWork: TypeAlias = tuple[str, Work]
"""A task's name, one of `BACKGROUND_TASK`, and what it does."""


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
        self._observing += (self._begin(*work) for work in works)

    def take_on(self, *works: NamedWork) -> None:
        """Begin tasks that take on work: an engine that leaves leaves it to the others."""
        self._working += (self._begin(*work) for work in works)

    def take_no_more(self) -> None:
        """End the tasks that take on work."""
        for task in self._working:
            task.cancel()

    def stop(self) -> None:
        """End all tasks."""
        self.take_no_more()
        for task in self._observing:
            task.cancel()

    def _begin(self, name: str, work: Work) -> asyncio.Task[None]:
        return self._tasks.create_task(keep_running(name, work, self._sleep, self._clock))
