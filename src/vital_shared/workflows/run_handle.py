"""The common interface of everything that answers a request, for its readers."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from typing import Final

from vital_shared.errors import RunFailed
from vital_shared.events.memory import MemoryLog
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.event import Event, RunFinished, RunPaused
from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["RunHandle", "end_task"]


MAX_UNREAD: Final = 256
"""Events that may wait for a slow reader before the model is slowed down."""


class RunHandle(ABC):
    """The handle of an answer: a run, another request's identical run, or an answer from the cache.

    :param log: the log of its events, closed by the caller of `run`.
    """

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.error: RunFailed | None = None
        """The reason why there is no answer, once that is known."""

        self.has_departed = False
        """Whether the run goes on at another worker."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.log.run_id

    @abstractmethod
    async def run(self) -> None:
        """Run it into its log, to its end; once. Cancelling this cancels the run and waits for its end.

        :raises StoreError: before the first event, when the run cannot be stored.
        :raises LimitExceeded: before the first event, when the tenant's limits do not allow the run.
        :raises KeyTaken: before the first event, when the request has begun a run before.
        """

    @abstractmethod
    def cancel(self, reason: CancelReason = "cancelled") -> None:
        """End it early, so that its last event gives the reason."""

    def hand_over(self) -> None:
        """Let go of it, so that another worker goes on with it; one that no other can is ended."""
        self.cancel("shutting_down")

    async def events(self) -> AsyncGenerator[Event, None]:
        """Run it, and stream its events; closing the iterator cancels the run and waits for its end.

        Raises what `run` does.
        """
        log = self.log
        with log.follow(log.last_seq, MAX_UNREAD) as follower:
            running = asyncio.create_task(self.run())
            running.add_done_callback(lambda _: log.close())
            try:
                async for event in follower:
                    yield event
            finally:
                await end_task(running)

    async def answer(self) -> WorkflowOutput:
        """Run it, and return its answer, or what it waits for.

        :raises RunFailed: when there is no answer.
        """
        try:
            await self.run()
        finally:
            self.log.close()
        if isinstance(self.log.outcome, RunFinished | RunPaused):
            return self.log.outcome.output
        raise self.error or RunFailed("The run ended without an answer.", run_id=self.run_id)


async def end_task(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has ended, however often the waiting itself is cancelled."""
    task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if not task.cancelled():
        task.result()
    if cancelled is not None:
        raise cancelled
