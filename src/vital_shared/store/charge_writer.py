"""Write what runs cost, with their ends; nothing is forgotten because the store was away.

What could not be written is kept, in order, and tried again until it is. What can never be written is set
aside alone, see `dead_letters`. What memory has no room for, and what waits when the process ends, is
spooled to a file that the next start enters, see `spool`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextvars import Context
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Final

from sqlalchemy import Connection

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import StoreError
from vital_shared.failure_log import FailureLog
from vital_shared.logs import get_logger
from vital_shared.monitoring.metrics import LOCAL_WRITE_FAILURES_TOTAL
from vital_shared.store.admission import run_lock
from vital_shared.store.database import Database
from vital_shared.store.dead_letters import set_aside
from vital_shared.store.group_commit import Job
from vital_shared.store.journal import Journal
from vital_shared.store.loss_log import loss_of
from vital_shared.store.patience import patiently
from vital_shared.store.pending_settlement import PendingSettlement, Written
from vital_shared.store.run_end import RunEnd
from vital_shared.store.settlement import Settlement, payer_of
from vital_shared.store.spool import Spool
from vital_shared.store.write_errors import describe, is_refusal

__all__ = ["ChargeWriter"]

logger = get_logger(__name__)

MAX_WAITING_RUNS: Final = 10_000
"""Runs that wait for the store in memory; those beyond it are spooled."""

MAX_WAITING_CHARACTERS: Final = 100_000_000
"""Text of the ends that wait in memory; those beyond it are spooled."""

BATCH_RUNS: Final = 100
"""Runs that are tried again at a time."""

FIRST_RETRY_SECONDS: Final = 0.5
MAX_RETRY_SECONDS: Final = 10.0
SHUTDOWN_SECONDS: Final = 10.0
"""The store has this long to take what waits when the process ends; the rest is spooled."""


class ChargeWriter:
    """A writer of charges and ends of runs, which counts charges once they are in the ledger.

    :param database: the store.
    :param spool: takes what memory has no room for; None: its charges are logged.
    :param journal: keeps the ends that wait, should the process die; None: they are lost then.
    """

    def __init__(
        self, database: Database, spool: Spool | None = None, journal: Journal | None = None
    ) -> None:
        self._database = database
        self._journal = journal
        self._spool = spool
        self._in_flight: dict[PendingSettlement, asyncio.Future[Written]] = {}
        self._kept: deque[PendingSettlement] = deque()
        self._characters = 0
        self._nanos: Counter[str] = Counter()
        """Nano-dollars that are kept and not in the ledger yet, by tenant."""
        self._ends: dict[str, RunEnd] = {}
        """Ends that readers have to see although they are not stored yet."""
        self._spooled = False
        self._closed = False
        self._retrying: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._failures = FailureLog(logger)

    def owed_nanos(self, tenant_id: str) -> int:
        """Return what a tenant has spent that is not in the ledger yet, in nano-dollars; from any thread."""
        return self._nanos[tenant_id]

    def waiting_end(self, run_id: str) -> RunEnd | None:
        """Return the end of a run that has ended and is not stored so yet."""
        return self._ends.get(run_id)

    async def write(
        self,
        context: RunContext | None,
        now: datetime,
        job: Job[bool],
        after: Callable[[], None],
        end: RunEnd | None = None,
    ) -> bool:
        """Write the end or the pause of a run together with its charges, and return what the job returns.

        It is written also when the caller is cancelled. What cannot be written is kept, and tried again until
        it is; a charge that can never be written is set aside, and does not hold up the end.

        :param job: the job that writes the end or the pause.
        :param after: called once it is written.
        :param end: the same as a value, to be kept; None: a pause, which the run itself answers for.
        :raises StoreError: when the database is not there, does not answer or refuses the end.
        """
        locks = "" if context is None else run_lock(context.request.tenant_id)
        if end is None and (context is None or not context.unwritten):
            return await self._pause(None, job, after, locks, self._database.wait_seconds)
        if context is None:
            return await asyncio.shield(self._database.put(job, lambda _: after(), locks=locks))
        return await self._write_with_charges(context, now, job, after, end)

    async def _write_with_charges(
        self,
        context: RunContext,
        now: datetime,
        job: Job[bool],
        after: Callable[[], None],
        end: RunEnd | None,
    ) -> bool:
        charges, calls = context.unwritten, context.unwritten_calls
        handed_over = partial(context.mark_written, len(context.charges), context.recorded)
        settlement = Settlement(
            run_id=context.run_id,
            payer=payer_of(context.request, context.workflow),
            at=now,
            charges=charges,
            calls=calls,
            end=end,
            fence=context.fence,
        )
        pending = PendingSettlement(settlement, after)

        def write(connection: Connection) -> Written:
            if not settlement.may_be_written(connection):
                return False, ()
            new = settlement.record(connection)
            return job(connection), new

        def written(result: Written) -> None:
            if end is None:
                after()
            handed_over()
            pending.settle(result)

        late_at = time.monotonic() + self._database.wait_seconds
        done = self._database.put(write, written, locks=settlement.locks)
        self._watch(done, pending, handed_over)
        try:
            changed = await self._first_write(done, pending)
        except Exception as error:
            if end is None:
                left = max(0.0, late_at - time.monotonic())
                locks = run_lock(context.request.tenant_id)
                return await self._pause(pending, job, after, locks, left)
            if not is_refusal(error):
                raise
            return await asyncio.shield(pending.ended)
        if self._kept:
            self._wake.set()
        return changed

    async def _first_write(self, done: asyncio.Future[Written], pending: PendingSettlement) -> bool:
        try:
            changed, _ = await asyncio.shield(done)
        except asyncio.CancelledError:
            if pending.settlement.end is not None and not done.done():
                self._ends[pending.settlement.run_id] = pending.settlement.end
            raise
        return changed

    async def _pause(
        self,
        owed: PendingSettlement | None,
        job: Job[bool],
        after: Callable[[], None],
        locks: str,
        seconds: float,
    ) -> bool:
        """Store a pause as soon as the store takes it.

        :param owed: its charges, where they wait; they go first, since a paused run is nobody's, and takes
            none.
        :param seconds: the longest wait.
        """

        async def attempt() -> bool:
            if owed is not None and not await self._is_entered(owed):
                raise StoreError("The charges before the pause are not written yet.")
            return await asyncio.shield(self._database.put(job, lambda _: after(), locks=locks))

        return await patiently(attempt, seconds, "the pause of the run", "stored")

    async def _is_entered(self, pending: PendingSettlement) -> bool:
        """Try to write what waits in memory or on disk, and return whether it waits no more."""
        await self.catch_up()
        run_id = pending.settlement.run_id
        if any(each.settlement.run_id == run_id for each in self._kept):
            return False
        return not pending.is_spooled or await self.write_now([pending])

    def write_later(self, settlement: Settlement, after: Callable[[], None]) -> None:
        """Write something in the background, now or as soon as the store takes it."""
        pending = PendingSettlement(settlement, after)
        self._watch(self._put(pending), pending)

    async def write_now(self, settlements: Sequence[PendingSettlement]) -> bool:
        """Try once to write each, set aside what can never be, and return whether nothing is left."""
        for start in range(0, len(settlements), BATCH_RUNS):
            if await self._attempt(settlements[start : start + BATCH_RUNS]):
                return False
        return True

    async def recover(self) -> bool:
        """Enter what earlier processes have spooled, and return whether all of it is in the store."""
        if self._spool is None:
            return True
        async with self._turn:
            files = self._spool.read_abandoned()
            while (file := await asyncio.to_thread(next, files, None)) is not None:
                path, settlements = file
                if not await self.write_now([PendingSettlement(each) for each in settlements]):
                    return False  # the file stays, and what of it is written is not written again
                path.unlink()
                logger.warning("spool_entered", path=str(path), runs=len(settlements))
        return True

    async def catch_up(self) -> None:
        """Try to write what waits; what the store still does not take stays."""
        async with self._turn:
            while self._kept:
                batch = list(islice(self._kept, BATCH_RUNS))
                left = await self._attempt(batch)
                for pending in batch:
                    self._kept.popleft()
                    self._forget(pending)
                for pending in reversed(left):
                    self._remember(pending)
                    self._kept.appendleft(pending)
                if left:
                    return

    async def settle_all(self) -> bool:
        """Write what waits, and what was spooled, and return whether all of it is in the store."""
        await self.catch_up()
        if self._spooled and not self._kept and self._spool is not None:
            self._spool.close()
            self._spooled = False  # what is spooled from here on has a file of its own
        is_entered = False
        try:
            is_entered = await self.recover()
        finally:
            self._spooled = self._spooled or not is_entered
        return not self._kept and not self._spooled

    async def aclose(self) -> None:
        """Try a last time; what is not taken is spooled, or its charges logged where the disk fails too."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.wait([self._retrying])
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                while self._in_flight:
                    await asyncio.wait(self._in_flight.values())
                await self.catch_up()
        except TimeoutError:
            logger.warning("store_is_away_at_shutdown", owed=len(self._kept) + len(self._in_flight))
        self._closed = True
        settlements = [pending.settlement for pending in (*self._in_flight, *self._kept)]
        self._kept.clear()
        if settlements:
            await asyncio.to_thread(self._spool_or_log, settlements)
        if self._spool is not None:
            await asyncio.to_thread(self._spool.close)

    def _put(self, pending: PendingSettlement) -> asyncio.Future[Written]:
        return self._database.put(pending.settlement.write, pending.settle, locks=pending.settlement.locks)

    def _watch(
        self,
        done: asyncio.Future[Written],
        pending: PendingSettlement,
        handed_over: Callable[[], None] | None = None,
    ) -> None:
        """Keep a settlement where its first write fails."""
        self._in_flight[pending] = done

        def ended(future: asyncio.Future[Written]) -> None:
            del self._in_flight[pending]
            if self._closed:
                return  # spooled by then
            failure = None if future.cancelled() else future.exception()
            if not future.cancelled() and failure is None:
                if pending.settlement.end is not None:
                    self._ends.pop(pending.settlement.run_id, None)
                return
            if handed_over is not None:
                handed_over()
            if future.cancelled():  # the loop ends: nobody will try again here
                self._spool_or_log([pending.settlement])
            else:
                self._keep(pending, is_refused=failure is not None and is_refusal(failure))

        done.add_done_callback(ended)

    def _keep(self, pending: PendingSettlement, *, is_refused: bool) -> None:
        if self._journal is not None:
            self._journal.owe(pending.settlement)
        if (
            len(self._kept) >= MAX_WAITING_RUNS
            or self._characters + pending.characters > MAX_WAITING_CHARACTERS
        ):
            self._spool_or_log([pending.settlement])
            pending.is_spooled = True
            pending.fail(StoreError("it waits on disk"))
        else:
            self._remember(pending)
            self._kept.append(pending)
        if is_refused:
            self._wake.set()
        if self._retrying is None or self._retrying.done():
            loop = asyncio.get_running_loop()
            self._retrying = loop.create_task(self._retry(), context=Context())

    def _remember(self, pending: PendingSettlement) -> None:
        self._characters += pending.characters
        self._nanos[pending.settlement.payer.tenant_id] += pending.settlement.nanos
        if pending.settlement.end is not None:
            self._ends[pending.settlement.run_id] = pending.settlement.end

    def _forget(self, pending: PendingSettlement) -> None:
        self._characters -= pending.characters
        tenant_id = pending.settlement.payer.tenant_id
        self._nanos[tenant_id] -= pending.settlement.nanos
        if not self._nanos[tenant_id]:
            del self._nanos[tenant_id]
        if pending.settlement.end is not None:
            self._ends.pop(pending.settlement.run_id, None)

    async def _retry(self) -> None:
        """Try again and again, until none is left."""
        seconds = FIRST_RETRY_SECONDS
        while self._kept or self._spooled:
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                seconds = min(2 * seconds, MAX_RETRY_SECONDS)
            self._wake.clear()
            try:
                await self.catch_up()
                if self._spooled and not self._kept:
                    await self.settle_all()
            except Exception:
                logger.exception("owed_writes_not_retried")  # and tried again

    async def _attempt(self, batch: Sequence[PendingSettlement]) -> list[PendingSettlement]:
        """Try to write each; set aside what can never be, and return what is left since the store is away."""
        results = await asyncio.gather(
            *(asyncio.shield(self._put(pending)) for pending in batch), return_exceptions=True
        )
        left: list[PendingSettlement] = []
        for pending, result in zip(batch, results, strict=True):
            if not isinstance(result, BaseException):
                continue
            if not is_refusal(result):
                left.append(pending)
            elif len(pending.settlement.parts) > 1:
                left += await self._attempt(pending.parts())
            elif not await self._set_aside(pending, result):
                left.append(pending)
        return left

    async def _set_aside(self, pending: PendingSettlement, error: BaseException) -> bool:
        """Keep a part among the dead letters, and return whether it is off our hands."""
        now, settlement = datetime.now(UTC), pending.settlement

        def write(connection: Connection) -> None:
            set_aside(connection, settlement, describe(error), now)
            settlement.clear_calls(connection)

        try:
            await asyncio.shield(self._database.put(write, locks=settlement.locks))
        except Exception as failure:  # noqa: BLE001 - the letter's own, and logged below
            if not is_refusal(failure):
                return False
            _log([pending.settlement])
        logger.error(
            "write_set_aside",
            run_id=pending.settlement.run_id,
            item=pending.settlement.item,
            error=describe(error),
        )
        pending.fail(error)
        return True

    def _spool_or_log(self, settlements: Sequence[Settlement]) -> None:
        if self._spool is None:
            _log(settlements)
            return
        try:
            self._spool.append(settlements)
            self._spooled = True
        except OSError as error:
            LOCAL_WRITE_FAILURES_TOTAL.labels("spool").inc()
            self._failures.warn("spool_failed", "spool", error)
            _log(settlements)


def _log(settlements: Iterable[Settlement]) -> None:
    for each in settlements:
        logger.error("write_lost", run_id=each.run_id, owed=loss_of(each))
