"""Identical concurrent requests: one of them runs, and the others follow its log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from structlog.contextvars import bound_contextvars

from vital_shared.deadline import current_deadline
from vital_shared.errors import NotFound, RunFailed, StoreError
from vital_shared.events.flights import MAX_FAILED_RUNS, Flight
from vital_shared.events.log import Follower, LogLost, PeerLog
from vital_shared.events.memory import MemoryLog
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.event import Event, RunFailedEvent, RunFinished
from vital_shared.models.workflow_io import CacheStatus, WorkflowInput, WorkflowOutput
from vital_shared.workflows.cached_answer import CachedAnswer, count_spared, replayed
from vital_shared.workflows.event_copy import EventCopy
from vital_shared.workflows.events import RunEvents
from vital_shared.workflows.run_errors import ended_from_outside
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_line import log_end
from vital_shared.workflows.run_metrics import RunMetrics
from vital_shared.workflows.workflow_parts import WorkflowParts

__all__ = ["CoalescedRun"]

TAKEOVER_SECONDS: Final = 10.0
"""The time after the end of a lost worker's lease within which its durable runs are taken over."""


class CoalescedRun(RunHandle):
    """A request that joins the run of an identical request (a coalesced run).

    It either leads with its own run, or follows the log of the leader and copies it into its own. When a
    leader is cancelled or fails, a follower takes over: text that it has already streamed remains valid, and
    is not streamed again.

    :param workflow: the workflow.
    :param log: the log of this request.
    :param request: the request that joins.
    :param key: the key of identical concurrent requests; ``entry`` is the key of the answer in the cache.
    :param make_run: a function that creates a run for this request.
    """

    def __init__(
        self,
        workflow: WorkflowParts,
        log: MemoryLog,
        request: WorkflowInput,
        key: str,
        entry: str,
        make_run: Callable[[RunEvents, RunMetrics], RunHandle],
    ) -> None:
        super().__init__(log)
        self._services = workflow.services
        self._traits = workflow.traits
        self._workflow = workflow.name
        self._request = request
        self._key = key
        self._entry = entry
        self._make_run = make_run
        self._own: RunHandle | None = None
        self._former = ""
        """A run in another process that was followed to its end, or until it was lost."""
        self._cancel_reason: CancelReason | None = None
        self._follower: Follower | None = None
        """The place in the log that is followed."""
        self._started = time.perf_counter()
        self._first_token: float | None = None
        self._text = ""
        """The part of the answer that was streamed."""

    async def run(self) -> None:
        """Run, or follow, until there is an answer, none can be expected, or the request's time is over."""
        with self._in_time():
            await self._run()

    async def _run(self) -> None:
        flights, key = self._services.flights, self._key
        flight, previous, shares = flights.find(key), None, True
        while True:
            if flight is not None:
                with self._waiting():
                    await self._copy(flight.log)
                flight = flight.latest
            else:
                if (cached := self._cached()) is not None:
                    await cached.run()
                    return
                flight = flights.begin(key, self.log, previous) if shares else Flight(self.log)
                await self._lead(flight, shares=shares)
                if self._own is not None:
                    return
            failures = flight.failures + (flight.end == "failed")
            if self._cancel_reason or flight.end == "answered" or failures >= MAX_FAILED_RUNS:
                self._end(flight)
                return
            shares = flight.end != "paused"  # otherwise the user decides, and each has to
            previous, flight = flight, flights.after(key, flight) if shares else None

    def cancel(self, reason: CancelReason = "cancelled") -> None:
        """Cancel it; its followers go on without it."""
        self._cancel_reason = self._cancel_reason or reason
        if self._own is not None:
            self._own.cancel(reason)
        elif self._follower is not None:
            self._follower.stop()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Follow no longer than the client waits; a run of one's own looks to that itself."""
        deadline = current_deadline.get()
        if deadline is None:
            yield
            return
        timer = asyncio.get_running_loop().call_later(deadline.remaining_seconds, self._stop_following)
        try:
            yield
        finally:
            timer.cancel()

    def _stop_following(self) -> None:
        if self._own is None:
            self.cancel("deadline")

    def hand_over(self) -> None:
        """Let go of the run that it leads; where it follows another, it ends."""
        if self._own is not None:
            self._own.hand_over()
        else:
            self.cancel("shutting_down")

    def _cached(self) -> CachedAnswer | None:
        """Look again for an answer: another's run may have given one since this request was looked up."""
        found = None if self.log.last_seq else self._services.cache.peek(self._entry)
        if found is None:
            return None
        metrics = self._metrics("hit")
        return CachedAnswer(self._services, self.log, self._request, found, "equal_question", metrics)

    async def _copy(self, log: MemoryLog) -> None:
        """Follow another request's log into one's own, except for its end."""
        if self._cancel_reason:
            return
        with self._copying() as copy, log.follow() as follower:
            self._follower = follower
            async for event in follower:
                await self.log.room()
                copy(event)
        self._follower = None

    async def _lead(self, flight: Flight, *, shares: bool) -> None:
        """Run, and let the others follow; or, where another process runs, follow it for all of this one."""
        logs, run_id = self._services.logs, self.run_id
        try:
            leader = await logs.lead(self._key, run_id, self._former) if shares else None
            if leader is not None:
                with self._waiting():
                    await self._copy_from_peer(flight, leader)
                return
            await self._services.cache.find_again(self._entry, self._request)
            if (cached := self._cached()) is not None:
                self._own = cached
                flight.outcome = RunFinished(run_id=run_id, seq=1, output=cached.found)
                await cached.run()
                return
            await self._run_own(flight)
        finally:
            self._services.flights.end(self._key, flight)
            if self._own is not None:
                self.log.close()
            await logs.end_lead(self._key, run_id)

    async def _copy_from_peer(self, flight: Flight, log: PeerLog) -> None:
        """Follow a run of another process, also when a third one takes it over."""
        seen, lost_at = 0, None
        with self._copying() as copy:
            while not self._cancel_reason:
                with log.follow(seen, counts=False) as follower:
                    self._follower = follower
                    try:
                        async for event in follower:
                            await self.log.room()
                            copy(event)
                            seen, lost_at = event.seq, None
                    except LogLost:
                        lost_at = lost_at or time.monotonic()
                    else:
                        flight.outcome, self._former = follower.outcome, log.run_id
                        return
                    finally:
                        self._follower = None
                if not await self._may_be_taken_over(log.run_id, lost_at):
                    self._former = log.run_id
                    return

    async def _may_be_taken_over(self, run_id: str, lost_at: float) -> bool:
        """Return whether another worker may go on with a lost run: its answer would be paid for twice."""
        services = self._services
        if time.monotonic() - lost_at > services.settings.lease_seconds + TAKEOVER_SECONDS:
            return False
        try:
            record = await services.runs.get(run_id, tenant_id=self._request.tenant_id, now=services.now())
        except (NotFound, StoreError):
            return False
        return record.is_durable and record.status == "running"

    async def _run_own(self, flight: Flight) -> None:
        own = self._own = self._make_run(RunEvents(self.log, self._text), self._metrics("miss"))
        if self._cancel_reason:
            own.cancel(self._cancel_reason)
        try:
            await own.run()
        finally:
            self.error, self.has_departed = own.error, own.has_departed
            flight.outcome = self.log.outcome

    @contextmanager
    def _copying(self) -> Iterator[Callable[[Event], None]]:
        """Give the function that writes another run's events into one's own log."""
        copy = EventCopy(self.log, self._text)

        def write(event: Event) -> None:
            copy.write(event)
            if copy.text and self._first_token is None:
                self._first_token = time.perf_counter() - self._started

        try:
            yield write
        finally:
            self._text = copy.text

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Count as in flight, and name the run in what is logged, while another's run is followed."""
        names = bound_contextvars(run_id=self.run_id, tenant_id=self._request.tenant_id)
        with names, self._metrics("hit").following():
            yield

    def _end(self, flight: Flight) -> None:
        """Write the final event for the end of the run that was followed, and count the request."""
        seconds = time.perf_counter() - self._started
        if isinstance(flight.outcome, RunFinished) and not self._cancel_reason:
            self._answered(flight.outcome.output, seconds)
            return
        if self._cancel_reason:
            failure = ended_from_outside(self.run_id, self._cancel_reason)
        else:
            failed = flight.outcome
            assert isinstance(failed, RunFailedEvent)  # noqa: S101 - the other ends are handled elsewhere
            failure = RunFailed(
                failed.message, run_id=self.run_id, node=failed.node, error_type=failed.error_type
            )
        self.error = failure
        metrics = self._metrics("hit")
        metrics.failed(failure, seconds)
        log_end(self.run_id, self._request, None, failure, seconds, metrics.agent_id)
        RunEvents(self.log).emit(
            RunFailedEvent, error_type=failure.error_type, message=failure.message, node=failure.node
        )

    def _answered(self, found: WorkflowOutput, seconds: float) -> None:
        output = replayed(
            found, self.run_id, self._request, "equal_request_running", seconds, self._first_token
        )
        metrics = self._metrics("hit")
        if self._first_token is not None:
            metrics.first_token(self._first_token)
        metrics.answered(output)
        count_spared(self._services, found, output, self._workflow)
        log_end(self.run_id, self._request, output, None, seconds, metrics.agent_id)
        RunEvents(self.log).emit(RunFinished, output=output)

    def _metrics(self, status: CacheStatus) -> RunMetrics:
        metrics = RunMetrics(
            self.run_id, self._request, self._services.request_counts, self._traits, self._workflow
        )
        metrics.cache_status = status
        return metrics
