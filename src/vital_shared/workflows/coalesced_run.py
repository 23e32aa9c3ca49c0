"""A question that others may be asking at this moment: one of them runs, and the others follow its run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Final

from structlog.contextvars import bound_contextvars

from vital_shared.cache.errors import CacheUnavailable
from vital_shared.cache.flight import LEADERS, Flight, Flights
from vital_shared.errors import RunFailed
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.event import Event, RunFailedEvent, RunFinished, RunPaused, RunStarted, Token
from vital_shared.models.workflow_io import CacheStatus, WorkflowInput, WorkflowOutput
from vital_shared.workflows.cached_answer import CachedAnswer, count_spared, replayed
from vital_shared.workflows.events import RunEvents
from vital_shared.workflows.run_errors import ended_from_outside
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_line import log_end
from vital_shared.workflows.run_metrics import RunMetrics

if TYPE_CHECKING:
    from vital_shared.cache.shared_flight import Lease
    from vital_shared.workflows.services import Services

__all__ = ["CoalescedRun"]

Outcome: Final = (RunFailedEvent, RunFinished, RunPaused)


class CoalescedRun:
    """A request that joins another one's identical run (a coalesced run).

    It leads, with a run of its own, or follows another's. When a leader is cancelled or fails, one of the
    followers takes over: what it has streamed already stands, and is not streamed again.

    :param question: the request.
    :param key: the key of identical requests at the same time; ``entry`` is that of the answer in the cache.
    :param run: makes a run of one's own.
    """

    def __init__(
        self,
        services: Services,
        run_id: str,
        question: WorkflowInput,
        key: str,
        entry: str,
        run: Callable[[RunEvents, RunMetrics], RunHandle],
    ) -> None:
        self.run_id = run_id
        self.error: RunFailed | None = None
        """The reason why there is no answer, once that is known."""
        self._services = services
        self._question = question
        self._key = key
        self._entry = entry
        self._run = run
        self._own: RunHandle | None = None
        self._alone = False
        """Other processes are asked for no more."""
        self._is_done = False
        """A run of one's own has ended."""
        self._cancelled = asyncio.Event()
        self._cancel_reason: CancelReason = "cancelled"
        self._followed: Flight | None = None
        self._started = time.perf_counter()
        self._first_token: float | None = None
        self._last_seq = 0
        self._text = ""
        """The part of the answer that was streamed."""

    @property
    def _flights(self) -> Flights:
        return self._services.cache.flights

    async def events(self) -> AsyncGenerator[Event, None]:
        """Run, or follow, and stream the events. Raises what the events of a run do."""
        failures, shares = 0, True
        while True:
            flight = self._flights.find(self._key) if shares else None
            if flight is not None:
                telling = self._follow(flight)
            elif (replay := self._found()) is not None:
                telling = replay.events()
            else:
                flight = self._flights.begin(self._key, failures) if shares else Flight(failures)
                telling = self._lead(flight, shares=shares)
            retold = self._retelling()
            async with aclosing(telling) as told:
                async for event in told:
                    if (own := retold(event)) is not None:
                        yield own
            if flight is None or self._is_done:
                return
            failures = flight.number + (flight.end == "failed")
            if self._cancelled.is_set() or flight.end == "answered" or failures >= LEADERS:
                yield self._end(flight)
                return
            shares = flight.end != "paused"  # otherwise the user decides, and each has to

    def _found(self) -> CachedAnswer | None:
        """Look again for an answer: another's run may have given one since this question was looked up."""
        found = None if self._last_seq else self._services.cache.peek(self._entry)
        if found is None:
            return None
        return CachedAnswer(self._services, self.run_id, self._question, found, self._measuring("hit"))

    def cancel(self, reason: CancelReason = "cancelled") -> None:
        """Cancel it; `events` ends with `run_failed`. Its followers go on without it."""
        self._cancel_reason = reason
        self._cancelled.set()
        if self._own is not None:
            self._own.cancel(reason)
        elif self._followed is not None:
            self._followed.ring()

    async def _follow(self, flight: Flight) -> AsyncGenerator[Event, None]:
        """Stream the events of another request's run, except for its end."""
        self._followed = flight
        with self._waiting():
            async with aclosing(flight.follow(self._cancelled)) as told:
                async for event in told:
                    yield event
        self._followed = None

    async def _lead(self, flight: Flight, *, shares: bool) -> AsyncGenerator[Event, None]:
        """Run, and let the others follow; or, where another process runs, follow it for all of this one."""
        publishing: asyncio.Task[None] | None = None
        try:
            asks = shares and not self._alone
            lease = await self._services.cache.take_lease(self._key) if asks else None
            if lease is not None and not lease.is_own:
                with self._waiting():
                    async with aclosing(self._from_elsewhere(flight, lease)) as told:
                        async for event in told:
                            yield event
                return
            if lease is not None:
                new = not self._last_seq
                if new and await self._services.cache.find_again(self._entry, self._question):
                    return  # the cache then has the answer, for all followers too
                publishing = asyncio.create_task(self._services.cache.publish(lease, flight))
            async with aclosing(self._run_own(flight)) as told:
                async for event in told:
                    yield event
        finally:
            if shares:
                self._flights.land(self._key)
            if publishing is not None:
                await _ended(publishing)

    async def _from_elsewhere(self, flight: Flight, lease: Lease) -> AsyncGenerator[Event, None]:
        """Read the events of a run in another process, and pass them on to the followers in this one."""
        try:
            async with aclosing(self._services.cache.follow_lease(lease, self._cancelled.is_set)) as told:
                async for event in told:
                    flight.tell(event)
                    if not isinstance(event, Outcome):
                        yield event
        except CacheUnavailable:
            self._alone = True  # this process then runs

    async def _run_own(self, flight: Flight) -> AsyncGenerator[Event, None]:
        self._own = self._run(RunEvents(self.run_id), self._measuring("miss"))
        if self._cancelled.is_set():
            self._own.cancel(self._cancel_reason)
        async with aclosing(self._own.events()) as told:
            async for event in told:
                flight.tell(event)
                if isinstance(event, Outcome):
                    self._is_done, self.error = True, self._own.error
                yield event

    def _retelling(self) -> Callable[[Event], Event | None]:
        """Make the function that turns a run's events into one's own; None: it was streamed already."""
        before, new, is_first = self._text, "", not self._last_seq

        def retold(event: Event) -> Event | None:
            nonlocal before, new
            fields: dict[str, object] = {}
            if isinstance(event, RunStarted) and self._last_seq:
                return None
            if isinstance(event, Token):
                text = event.text
                if before:
                    new += text
                    if before.startswith(new):
                        return None
                    text = new[len(before) :] if new.startswith(before) else f"\n\n{new}"
                    before = ""
                self._note(text)
                fields["text"] = text
            self._last_seq += 1
            if is_first and event.run_id == self.run_id:  # it is one's own already
                return event
            return event.model_copy(update={"run_id": self.run_id, "seq": self._last_seq, **fields})

        return retold

    def _note(self, text: str) -> None:
        self._text += text
        if self._first_token is None:
            self._first_token = time.perf_counter() - self._started

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Count as in flight, and name the run in what is logged, while another's run is followed."""
        names = bound_contextvars(run_id=self.run_id, tenant_id=self._question.tenant_id)
        with names, self._measuring("hit").following():
            yield

    def _end(self, flight: Flight) -> Event:
        """Return the final event for the end of the run that was followed, and count the request."""
        seconds = time.perf_counter() - self._started
        measuring, question = self._measuring("hit"), self._question
        if isinstance(flight.outcome, RunFinished) and not self._cancelled.is_set():
            return self._answered(flight.outcome.output, measuring, seconds)
        if self._cancelled.is_set():
            failure = ended_from_outside(self.run_id, self._cancel_reason)
        else:
            failed = flight.outcome
            assert isinstance(failed, RunFailedEvent)  # noqa: S101 - the other ends are handled elsewhere
            failure = RunFailed(
                failed.message, run_id=self.run_id, node=failed.node, error_type=failed.error_type
            )
        self.error = failure
        measuring.failed(failure, seconds)
        log_end(self.run_id, question, None, failure, seconds)
        self._last_seq += 1
        return RunFailedEvent(
            run_id=self.run_id,
            seq=self._last_seq,
            error_type=failure.error_type,
            message=failure.message,
            node=failure.node,
        )

    def _answered(self, found: WorkflowOutput, measuring: RunMetrics, seconds: float) -> RunFinished:
        output = replayed(found, self.run_id, self._question, seconds, self._first_token)
        if self._first_token is not None:
            measuring.first_token(self._first_token)
        measuring.answered(output)
        count_spared(self._services, found, output)
        log_end(self.run_id, self._question, output, None, seconds)
        self._last_seq += 1
        return RunFinished(run_id=self.run_id, seq=self._last_seq, output=output)

    def _measuring(self, status: CacheStatus) -> RunMetrics:
        measuring = RunMetrics(self.run_id, self._question, self._services.request_counts)
        measuring.cache_status = status
        return measuring


async def _ended(publishing: asyncio.Task[None]) -> None:
    """Wait until all is published; a caller that is cancelled waits no longer than it takes to stop."""
    try:
        await asyncio.wait([publishing])
    except asyncio.CancelledError:
        publishing.cancel()
        await asyncio.wait([publishing])
        raise
