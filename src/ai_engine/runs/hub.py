"""The runs that this process works on, and those that it has worked on lately."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final
from weakref import WeakValueDictionary

from ai_engine.runs.fair_slots import FairSlots, Gone, WeightOf
from vital_shared.deadline import Deadline
from vital_shared.errors import RunFailed, VitalError
from vital_shared.events.log import RunState
from vital_shared.events.logs import EventLogs
from vital_shared.events.memory import MemoryFollower, MemoryLog
from vital_shared.logs import get_logger
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.event import RunFailedEvent, RunPaused
from vital_shared.workflows.run_errors import broken_off
from vital_shared.workflows.run_handle import RunHandle

__all__ = ["LiveRun", "RunHub"]

logger = get_logger(__name__)

RETAINED_BYTES: Final = 32_000_000
"""The memory of all logs of ended runs; beyond it the oldest are dropped before their time."""


class LiveRun:
    """A run, and its readers.

    :param tenant_id: its owner.
    :param clock: seconds.
    """

    def __init__(self, log: MemoryLog, tenant_id: str, clock: Callable[[], float]) -> None:
        self.run_id = log.run_id
        self.tenant_id = tenant_id
        self.log = log
        self.ended = asyncio.Event()
        self.ended_at = 0.0
        self.error: VitalError | None = None
        """The reason why the run could not begin, or broke off without an event that says so."""
        self.goes_on_at_peer = False
        """Whether another worker has it by now, or will."""
        self.is_awaited = False
        """A client that has gone is expected back: it has sent an idempotency key to ask with again."""
        self._clock = clock
        self._readers = 0
        self._unread_since: float | None = None
        self._handle: RunHandle | None = None
        self._begun_after = 0
        """The number of the last event before a pause."""
        self._cancelling: CancelReason | None = None

    @property
    def is_paused(self) -> bool:
        """Whether it waits for approval."""
        return isinstance(self.log.outcome, RunPaused)

    @property
    def pause_seq(self) -> int:
        """The number of its last pause, as far as its events are here; 0: it never was."""
        numbers = range(self.log.last_seq, self.log.first_seq - 1, -1)
        return next((seq for seq in numbers if isinstance(self.log.event(seq), RunPaused)), 0)

    @property
    def state(self) -> RunState:
        """Its state, as its readers see it."""
        if not self.ended.is_set():
            return "live"
        return "paused" if self.is_paused else "ended"

    @property
    def last_seq(self) -> int:
        """The number of its last event."""
        return self.log.last_seq

    def has_after(self, seq: int) -> bool:
        """Return whether there is an event after a number, or may come."""
        return self.state == "live" or self.last_seq > seq

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count as a reader: a run without any is cancelled after the grace time."""
        self._readers += 1
        self._unread_since = None
        try:
            yield
        finally:
            self._readers -= 1
            if self._readers == 0:
                self._unread_since = self._clock()

    @asynccontextmanager
    async def follow(self, after: int = 0) -> AsyncIterator[MemoryFollower]:
        """Follow its log as a reader."""
        with self.reading(), self.log.follow(after) as follower:
            self.log.give_up_place()
            yield follower

    @property
    def has_begun(self) -> bool:
        """Whether its first event is there, or it has ended without one."""
        return self.log.last_seq > self._begun_after or self.ended.is_set()

    async def begun(self) -> None:
        """Wait until its first event is there, or it has ended without one: see `error`."""
        await self.log.wait(self._begun_after)
        if self.log.last_seq <= self._begun_after:
            await self.ended.wait()

    async def concluded(self) -> None:
        """Wait until its last event is there, or it has ended without one: see `error`.

        Then it may still have to let go of something, such as its lead of identical requests in Redis.
        """
        await self.log.closed()
        if self.log.outcome is None:
            await self.ended.wait()

    def note_reader(self) -> None:
        """Let the grace time begin again: another process has a reader."""
        if self._unread_since is not None:
            self._unread_since = self._clock()

    def unread_seconds(self) -> float:
        """Return the seconds for which nobody has read it."""
        if self._unread_since is None or self.is_awaited:
            return 0.0
        return self._clock() - self._unread_since

    def forget_absent_reader(self, grace_seconds: float) -> None:
        """Keep no events for a first reader that has not come within the grace time."""
        if self._unread_since is not None and self._clock() - self._unread_since >= grace_seconds:
            self.log.give_up_place()

    def cancel(self, reason: CancelReason = "cancelled") -> None:
        """Cancel it, once; its log ends with `run_failed`. Later calls change nothing."""
        self.log.give_up_place()
        if self._cancelling is not None or self.ended.is_set():
            return
        self._cancelling = reason
        logger.info("run_cancelled", run_id=self.run_id, tenant_id=self.tenant_id, reason=reason)
        if self._handle is not None:
            self._handle.cancel(reason)

    def hand_over(self) -> None:
        """Let another worker go on with it; one that no other can is ended."""
        if self._cancelling is None and self._handle is not None:
            self._cancelling = "shutting_down"
            self.log.give_up_place()
            self._handle.hand_over()

    def begin(self, handle: RunHandle) -> None:
        """Take on a run: the first, or one that goes on after a pause."""
        self._handle, self.log = handle, handle.log
        self._cancelling, self.error = None, None
        self._unread_since = None if self._readers else self._clock()
        self._begun_after = self.log.last_seq
        self.ended.clear()
        self.log.keep_place()

    async def work(self) -> None:
        """Run it into the log, to its end."""
        assert self._handle is not None  # noqa: S101 - `begin` comes first
        try:
            await self._handle.run()
            self.goes_on_at_peer = self._handle.has_departed
        except VitalError as error:
            self.error = error
        except Exception as error:  # one broken run must not take the others along
            logger.exception("run_broke_off", run_id=self.run_id, tenant_id=self.tenant_id)
            self.error = broken_off(self.run_id, error)
            self._log_failure(self.error)
        finally:
            self.ended_at = self._clock()
            self._handle = None
            self.log.give_up_place()
            self.log.close()
            self.ended.set()

    def _log_failure(self, error: RunFailed) -> None:
        """End the log of a run that broke off, so that its readers learn of it."""
        if self.log.last_seq > self._begun_after and self.log.outcome is None:
            failure = RunFailedEvent(
                run_id=self.run_id,
                seq=self.log.last_seq + 1,
                error_type=error.error_type,
                message=error.message,
                node=None,
            )
            with suppress(Exception):  # what broke the run off may have been its log
                self.log.append(failure)


class RunHub:
    """The runs of this process: started, found again by their readers, and ended where nobody reads them.

    :param tasks: owns the runs.
    :param logs: know the readers in other processes.
    :param slots: the runs at once, shared by tenants.
    :param weight_of: reads a tenant's weight.
    :param grace_seconds: a run without any reader for this time is cancelled.
    :param retention_seconds: time that the events of an ended run are kept.
    :param clock: seconds.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        *,
        logs: EventLogs,
        slots: FairSlots,
        weight_of: WeightOf,
        grace_seconds: float,
        retention_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stopping = False
        self._logs = logs
        logs.on_cancel = self.cancel
        self._tasks = tasks
        self._slots = slots
        self._weight_of = weight_of
        self._grace = grace_seconds
        self._retention = retention_seconds
        self._clock = clock
        self._runs: dict[str, LiveRun] = {}
        self._resumptions: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def active(self) -> int:
        """Runs that are being begun or worked on."""
        return self._slots.active

    @property
    def waiting(self) -> int:
        """Requests that wait for a run."""
        return self._slots.waiting

    @asynccontextmanager
    async def slot(
        self, tenant_id: str, gone: Gone | None = None, deadline: Deadline | None = None
    ) -> AsyncIterator[None]:
        """Hold a run's slot within the block, for work that is no run; raises what `FairSlots.take` does."""
        async with self._slots.slot(tenant_id, self._weight_of, gone, deadline):
            yield

    async def start(
        self,
        begin: Callable[[], Awaitable[RunHandle]],
        *,
        tenant_id: str,
        gone: Gone | None = None,
        deadline: Deadline | None = None,
    ) -> LiveRun:
        """Begin a run, or go on with one, in the background; see `try_start`."""
        run = await self.try_start(begin, tenant_id=tenant_id, gone=gone, deadline=deadline)
        assert run is not None  # noqa: S101 - `begin` gives an execution
        return run

    async def try_start(
        self,
        begin: Callable[[], Awaitable[RunHandle | None]],
        *,
        tenant_id: str,
        gone: Gone | None = None,
        deadline: Deadline | None = None,
    ) -> LiveRun | None:
        """Begin a run, or go on with one, in the background; None: `begin` has found nothing to run.

        Where there are too many runs, it waits for the tenant's turn.

        :param begin: checks the input, or claims the paused run.
        :param gone: waits until the client is gone, and with it the reason to wait; None: it stays.
        :param deadline: the end of its patience; None: it waits as long as any request may.
        :raises EngineBusy: before `begin`, when there are too many, or the service is stopping.
        :raises ClientDisconnect: before `begin`, when the client is gone.
        """
        await self._slots.take(tenant_id, self._weight_of, gone, deadline)
        return await self._begin(
            begin,
            tenant_id,
            lambda log: self._runs.setdefault(log.run_id, LiveRun(log, tenant_id, self._clock)),
        )

    async def adopt(
        self, begin: Callable[[], Awaitable[RunHandle | None]], *, tenant_id: str
    ) -> LiveRun | None:
        """Go on with a run of a worker that has died, whether anybody reads it or not; it waits for no slot.

        :param begin: takes it over; None: another worker was faster.
        """
        self._slots.take_at_once(tenant_id)

        def adopted(log: MemoryLog) -> LiveRun:
            run = self._runs[log.run_id] = LiveRun(log, tenant_id, self._clock)
            run.is_awaited = True  # its readers have lost their connections, and need not come back
            return run

        return await self._begin(begin, tenant_id, adopted)

    async def _begin(
        self,
        begin: Callable[[], Awaitable[RunHandle | None]],
        tenant_id: str,
        live: Callable[[MemoryLog], LiveRun],
    ) -> LiveRun | None:
        """Begin in a slot that was taken, which is given back where nothing runs.

        :param live: finds or makes the run of a log.
        """
        try:
            execution = await begin()
            if execution is None:
                self._slots.give_back(tenant_id)
                return None
            run = live(execution.log)
            run.begin(execution)
            self._tasks.create_task(self._work(run))
        except BaseException:
            self._slots.give_back(tenant_id)
            raise
        return run

    async def _work(self, run: LiveRun) -> None:
        try:
            await run.work()
        finally:
            self._slots.give_back(run.tenant_id)
            if run.goes_on_at_peer and self._runs.get(run.run_id) is run:
                del self._runs[run.run_id]  # it is found there

    def follow(self, execution: RunHandle, tenant_id: str) -> LiveRun:
        """Read a run of another process, or one that has ended: it takes no slot, and is not found here."""
        run = LiveRun(execution.log, tenant_id, self._clock)
        run.begin(execution)
        self._tasks.create_task(run.work())
        return run

    @asynccontextmanager
    async def resumption(self, run_id: str) -> AsyncIterator[None]:
        """Let one request at a time resume a run: between its claim and its start it cannot be followed."""
        lock = self._resumptions.setdefault(run_id, asyncio.Lock())
        async with lock:
            yield

    async def paused(self, run_id: str) -> None:
        """Wait until a run that has announced its pause has let go of everything, so as to be resumed."""
        run = self._runs.get(run_id)
        if run is not None and run.is_paused:
            await run.ended.wait()

    def find(self, run_id: str) -> LiveRun | None:
        """Return a run that is worked on here, or was lately."""
        return self._runs.get(run_id)

    def forget(self, run_ids: Collection[str]) -> None:
        """Let go of the events of runs that have ended."""
        for run_id in run_ids:
            run = self._runs.get(run_id)
            if run is not None and run.ended.is_set():
                del self._runs[run_id]

    def cancel(self, run_id: str) -> None:
        """Cancel a run for another process, where it is here."""
        run = self._runs.get(run_id)
        if run is not None:
            run.cancel()

    async def tick(self) -> None:
        """Cancel runs that nobody reads, and let go of old events; to be called each second or so."""
        now = self._clock()
        for run in list(self._runs.values()):
            run.forget_absent_reader(self._grace)
            if run.unread_seconds() >= self._grace and not run.ended.is_set():
                if await self._logs.has_reader_at_peer(run.run_id):
                    run.note_reader()
                elif run.unread_seconds() >= self._grace:
                    run.cancel("client_gone")
        ended = sorted((run for run in self._runs.values() if run.ended.is_set()), key=lambda r: -r.ended_at)
        kept = 0
        for run in ended:
            kept += run.log.memory
            if kept > RETAINED_BYTES or now - run.ended_at > self._retention:
                del self._runs[run.run_id]

    def drain(self) -> None:
        """Begin no more runs; those that there are go on."""
        self.stopping = True
        self._slots.close()

    async def drained(self) -> None:
        """Wait until no run is at work, nor being begun."""
        await self._slots.emptied()

    def stop(self) -> None:
        """Begin no more runs; durable ones go on elsewhere, and the others end with "shutting_down"."""
        self.drain()
        for run in self._runs.values():
            run.hand_over()
