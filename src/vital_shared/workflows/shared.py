"""A question that others may be asking at this moment: one of them runs, and the others follow its run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from structlog.contextvars import bound_contextvars

from vital_shared.cache.flight import LEADERS, Flight, Flights
from vital_shared.errors import RunCancelled, RunFailed
from vital_shared.models.event import Event, RunFailedEvent, RunFinished, RunStarted, Token
from vital_shared.models.workflow_io import CacheStatus, WorkflowInput, WorkflowOutput
from vital_shared.workflows.events import EventStream
from vital_shared.workflows.measuring import Measuring
from vital_shared.workflows.replay import Replay, count_spared, replayed
from vital_shared.workflows.run_line import log_end

if TYPE_CHECKING:
    from vital_shared.workflows.execution import Execution
    from vital_shared.workflows.services import Services

__all__ = ["Shared"]


class Shared:
    """One who asks; it has the face of an `Execution`.

    It leads, with a run of its own, or follows another's. When a leader is cancelled or fails, one of the
    followers takes over: what it has told already stands, and is not told again.

    :param question: who asks.
    :param key: of what is asked at the same time; ``entry`` is that of the answer in the cache.
    :param run: makes a run of one's own.
    """

    def __init__(
        self,
        services: Services,
        run_id: str,
        question: WorkflowInput,
        key: str,
        entry: str,
        run: Callable[[EventStream, Measuring], Execution],
    ) -> None:
        self.run_id = run_id
        self.error: RunFailed | None = None
        """Why there is no answer, once that is known."""
        self._services = services
        self._question = question
        self._key = key
        self._entry = entry
        self._run = run
        self._own: Execution | None = None
        self._cancelled = asyncio.Event()
        self._followed: Flight | None = None
        self._started = time.perf_counter()
        self._first_token: float | None = None
        self._last_seq = 0
        self._text = ""
        """What was told of the answer."""

    @property
    def _flights(self) -> Flights:
        return self._services.cache.flights

    async def events(self) -> AsyncGenerator[Event, None]:
        """Run, or follow, and tell what happens. Raises what `Execution.events` does."""
        failures, shares = 0, True
        while shares and (flight := self._flights.find(self._key)) is not None:
            async with aclosing(self._follow(flight)) as told:
                async for event in told:
                    yield event
            failures = flight.number + (flight.end == "failed")
            if self._cancelled.is_set() or flight.end == "answered" or failures >= LEADERS:
                yield self._end(flight)
                return
            shares = flight.end != "paused"  # otherwise the user decides, and each has to
        async with aclosing(self._found() or self._lead(failures, shares=shares)) as told:
            async for event in told:
                yield event

    def _found(self) -> AsyncGenerator[Event, None] | None:
        """Look again for an answer: another's run may have given one since this question was looked up."""
        found = None if self._last_seq else self._services.cache.peek(self._entry)
        if found is None:
            return None
        return Replay(self._services, self.run_id, self._question, found, self._measuring("hit")).events()

    def cancel(self) -> None:
        """Cancel it; `events` ends with `run_failed`. Who follows goes on without."""
        self._cancelled.set()
        if self._own is not None:
            self._own.cancel()
        elif self._followed is not None:
            self._followed.ring()

    async def _follow(self, flight: Flight) -> AsyncGenerator[Event, None]:
        self._followed = flight
        measuring = self._measuring("hit")
        with (
            bound_contextvars(run_id=self.run_id, tenant_id=self._question.tenant_id),
            measuring.following(),
        ):
            async with aclosing(flight.follow(self._cancelled)) as told:
                async for event in told:
                    if (own := self._as_own(event)) is not None:
                        yield own
        self._followed = None

    def _as_own(self, event: Event) -> Event | None:
        """Make another run's event one of this; None: it was told already."""
        if isinstance(event, RunStarted) and self._last_seq:
            return None
        if isinstance(event, Token):
            self._text += event.text
            if self._first_token is None:
                self._first_token = time.perf_counter() - self._started
        self._last_seq += 1
        return event.model_copy(update={"run_id": self.run_id, "seq": self._last_seq})

    async def _lead(self, failures: int, *, shares: bool) -> AsyncGenerator[Event, None]:
        """Run, and let the others follow."""
        flight = self._flights.begin(self._key, failures) if shares else Flight(failures)
        try:
            async with aclosing(self._run_own()) as told:
                async for event in told:
                    flight.tell(event)
                    yield event
        finally:
            if shares:
                self._flights.land(self._key)

    async def _run_own(self) -> AsyncGenerator[Event, None]:
        """Run; where another's run was followed before, its text is not told twice."""
        self._own = self._run(EventStream(self.run_id), self._measuring("miss"))
        if self._cancelled.is_set():
            self._own.cancel()
        before, new = self._text, ""
        async with aclosing(self._own.events()) as told:
            async for event in told:
                if isinstance(event, Token) and before:
                    new += event.text
                    if before.startswith(new):
                        continue
                    rest = new[len(before) :] if new.startswith(before) else f"\n\n{new}"
                    before, event = "", event.model_copy(update={"text": rest})  # noqa: PLW2901 - what is new of it
                if (own := self._as_own(event)) is not None:
                    yield own
        self.error = self._own.error

    def _end(self, flight: Flight) -> Event:
        """Tell how the run that was followed has ended, and count the request."""
        seconds = time.perf_counter() - self._started
        measuring, question = self._measuring("hit"), self._question
        with bound_contextvars(run_id=self.run_id, tenant_id=question.tenant_id):
            if isinstance(flight.outcome, RunFinished) and not self._cancelled.is_set():
                return self._answered(flight.outcome.output, measuring, seconds)
            if self._cancelled.is_set():
                failure: RunFailed = RunCancelled(
                    "The run was cancelled.", run_id=self.run_id, error_type="cancelled"
                )
            else:
                failed = flight.outcome
                assert isinstance(failed, RunFailedEvent)  # noqa: S101 - the other ends are told elsewhere
                failure = RunFailed(
                    failed.message, run_id=self.run_id, node=failed.node, error_type=failed.error_type
                )
            self.error = failure
            measuring.failed(failure, seconds)
            log_end(question, None, failure, seconds)
            self._last_seq += 1
            return RunFailedEvent(
                run_id=self.run_id,
                seq=self._last_seq,
                error_type=failure.error_type,
                message=failure.message,
                node=failure.node,
            )

    def _answered(self, found: WorkflowOutput, measuring: Measuring, seconds: float) -> RunFinished:
        output = replayed(found, self.run_id, self._question, seconds, self._first_token)
        if self._first_token is not None:
            measuring.first_token(self._first_token)
        measuring.answered(output)
        count_spared(self._services, found, output)
        log_end(self._question, output, None, seconds)
        self._last_seq += 1
        return RunFinished(run_id=self.run_id, seq=self._last_seq, output=output)

    def _measuring(self, status: CacheStatus) -> Measuring:
        measuring = Measuring(self.run_id, self._question)
        measuring.cache_status = status
        return measuring
