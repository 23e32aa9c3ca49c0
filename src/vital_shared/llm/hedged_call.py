"""A hedged call: a second model is asked when the first is slow; the first to write wins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from typing import Final

from vital_shared.errors import StoreError
from vital_shared.hedge_budget import HedgeBudget, HedgeOutcome
from vital_shared.llm.attempt import Attempt
from vital_shared.llm.base import ModelError, ModelEvent
from vital_shared.llm.call_metrics import count_hedge
from vital_shared.llm.failing import as_model_error

__all__ = ["HedgedCall"]

MAX_CONCURRENT_ATTEMPTS: Final = 2
MAX_QUEUED_EVENTS: Final = 64
"""Events of the winner that may wait for a slow reader before the model is slowed down."""


class _HedgedAttempt:
    """An attempt at work in a task of its own, its events in a bounded queue; None is the last one."""

    def __init__(self, attempt: Attempt, moved: asyncio.Event) -> None:
        self.attempt = attempt
        self.queue: asyncio.Queue[ModelEvent | None] = asyncio.Queue(MAX_QUEUED_EVENTS)
        self.error: ModelError | None = None
        self.unannounced: StoreError | None = None
        """The reason why its call was not made: the store did not take it."""
        self.leads = False
        """Whether it has something to show, or has come to its end."""
        self._moved = moved
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            async with aclosing(self.attempt.events()) as events:
                async for event in events:
                    if self.attempt.has_emitted and not self.leads:
                        self._lead()
                    await self.queue.put(event)
        except StoreError as error:
            self.unannounced = error
            self._moved.set()
        except Exception as error:  # noqa: BLE001 - handed to the hedged call, which goes on with the others
            self.error = as_model_error(error, self.attempt.model.name)
            self._moved.set()
        else:
            self._lead()
            await self.queue.put(None)
            return
        await self.queue.put(None)

    def _lead(self) -> None:
        self.leads = True
        self._moved.set()

    @property
    def lost(self) -> bool:
        """Whether it has failed before there was anything to show."""
        return self.error is not None and not self.attempt.has_emitted


async def _stop(attempts: Iterable[_HedgedAttempt]) -> None:
    """Cancel attempts and wait until all have ended, however often the waiting itself is cancelled."""
    tasks = [attempt.task for attempt in attempts]
    for task in tasks:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while going_on := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(going_on)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


class HedgedCall:
    """Attempts that start one by one: the next when the one before has failed, or is silent for a while.

    :param attempts: in their order; each is made when it is its turn.
    :param after_seconds: time to wait for the first text before the next one starts too.
    :param failed: called with each attempt that failed.
    :param budget: bounds the attempts that start beside a silent one; None: each is allowed.
    """

    def __init__(
        self,
        attempts: Iterator[Attempt],
        after_seconds: float,
        failed: Callable[[Attempt, ModelError], None],
        budget: HedgeBudget | None = None,
    ) -> None:
        self.winner: Attempt | None = None
        """The attempt that had something to show first; None: none yet, or at all."""
        self._attempts = attempts
        self._after = after_seconds
        self._failed = failed
        self._budget = budget or HedgeBudget(1)
        self._hedged: _HedgedAttempt | None = None
        """The silent attempt that another was started beside."""
        self._running: list[_HedgedAttempt] = []
        self._moved = asyncio.Event()

    async def events(self) -> AsyncGenerator[ModelEvent, None]:
        """Pass on the winner's events; none where all have failed.

        :raises ModelError: when the winner breaks off.
        :raises StoreError: when a call could not be announced.
        """
        try:
            self._budget.note_request()
            winner = await self._first()
            self._count(winner)
            if winner is None:
                return
            self.winner = winner.attempt
            while (event := await winner.queue.get()) is not None:
                yield event
            if winner.error is not None:
                self._failed(winner.attempt, winner.error)
                raise winner.error
        finally:
            await _stop(self._running)

    async def _first(self) -> _HedgedAttempt | None:
        """Start attempts until one leads; the others are stopped."""
        more, may_hedge = self._start(), True
        while self._running:
            may_start = more and may_hedge and len(self._running) < MAX_CONCURRENT_ATTEMPTS
            if not await self._wait(self._after if may_start else None):
                may_hedge = self._budget.take()
                if may_hedge:
                    more = self._hedge()
                else:
                    count_hedge(self._running[0].attempt.model.name, "over_budget")
            self._drop_lost()
            more = not self._drop_unannounced() and more
            leader = next((runner for runner in self._running if runner.leads), None)
            if leader is not None:
                await _stop(runner for runner in self._running if runner is not leader)
                return leader
            if more and not self._running:
                more = self._start()
        return None

    def _start(self) -> bool:
        """Start the next attempt, and return whether there may be more."""
        attempt = next(self._attempts, None)
        if attempt is not None:
            self._running.append(_HedgedAttempt(attempt, self._moved))
        return attempt is not None

    def _hedge(self) -> bool:
        """Start the next attempt beside a silent one, and return whether there may be more."""
        silent = self._running[0]
        more = self._start()
        if more and self._hedged is None:
            self._hedged = silent
        return more

    def _count(self, winner: _HedgedAttempt | None) -> None:
        if self._hedged is not None:
            outcome: HedgeOutcome = (
                "failed" if winner is None else "lost" if winner is self._hedged else "won"
            )
            count_hedge(self._hedged.attempt.model.name, outcome)

    async def _wait(self, seconds: float | None) -> bool:
        """Wait until a runner leads or fails; False: nothing of the kind in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            return False
        self._moved.clear()
        return True

    def _drop_unannounced(self) -> bool:
        """Drop the attempts that could not call, and return whether there were any.

        :raises StoreError: when no other one is under way.
        """
        unannounced = [runner for runner in self._running if runner.unannounced is not None]
        for runner in unannounced:
            self._running.remove(runner)
            if not self._running and runner.unannounced is not None:
                raise runner.unannounced
        return bool(unannounced)

    def _drop_lost(self) -> None:
        for runner in [runner for runner in self._running if runner.lost]:
            self._running.remove(runner)
            assert runner.error is not None  # noqa: S101 - for the type checker: it is lost
            self._failed(runner.attempt, runner.error)
