"""The calls of `self.llm` that are running in one run: they end with it, so that each is charged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from vital_shared.errors import ConfigurationError
from vital_shared.logs import get_logger

__all__ = ["OpenCalls"]

MAX_WAIT_SECONDS: Final = 5.0
"""Seconds that the end of a run waits for a call that a task holds on to."""

logger = get_logger(__name__)


class OpenCalls:
    """The running calls, by the tasks that wait for them.

    A task that a node creates may outlive the node and the run; calls that it made then would not be charged.
    """

    __slots__ = ("_is_over", "_tasks")

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._is_over = False

    @contextmanager
    def opened(self, node: str) -> Iterator[None]:
        """Count a call as under way.

        :raises ConfigurationError: when the run is over.
        """
        if self._is_over:
            raise ConfigurationError(
                f'A task of the node "{node}" calls self.llm, and its run is over: await it in the node.'
            )
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._tasks[task] = node
        try:
            yield
        finally:
            del self._tasks[task]

    async def end(self) -> None:
        """Cancel what is still under way, and wait until it is charged; no call begins from now on."""
        self._is_over = True
        loop = asyncio.get_running_loop()
        left = {task: node for task, node in self._tasks.items() if task.get_loop() is loop}
        if not left:
            return
        for task, node in left.items():
            logger.warning("llm_call_abandoned", node=node)
            task.cancel("its run is over")
        await asyncio.wait(left, timeout=MAX_WAIT_SECONDS)
