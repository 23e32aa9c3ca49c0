"""The tasks beside the requests: gauges, sweeps, and what takes on work that other replicas could do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["BackgroundWork"]


class BackgroundWork:
    """Tasks that end with the engine, some of them sooner.

    :param tasks: owns them.
    """

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._observing: list[asyncio.Task[None]] = []
        self._working: list[asyncio.Task[None]] = []

    def observe(self, *coroutines: Coroutine[Any, Any, None]) -> None:
        """Begin tasks that go on until the engine has ended, so that it is seen to the last."""
        self._observing += map(self._tasks.create_task, coroutines)

    def take_on(self, *coroutines: Coroutine[Any, Any, None]) -> None:
        """Begin tasks that take on work: an engine that leaves leaves it to the others."""
        self._working += map(self._tasks.create_task, coroutines)

    def take_no_more(self) -> None:
        """End the tasks that take on work."""
        for task in self._working:
            task.cancel()

    def stop(self) -> None:
        """End all tasks."""
        self.take_no_more()
        for task in self._observing:
            task.cancel()
