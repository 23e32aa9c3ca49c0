"""The logs of the runs that this process works on, or has worked on lately."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from vital_shared.events.event_file import EventFile
from vital_shared.events.left_events import LeftEvents
from vital_shared.events.log import PeerLog
from vital_shared.events.memory import MemoryLog
from vital_shared.events.restored import begin_after_loss, restore_events
from vital_shared.events.written_log import WrittenLog
from vital_shared.logs import get_logger
from vital_shared.models.event import RunPaused

__all__ = ["EventLogs", "Running"]

logger = get_logger(__name__)

REFILL_SECONDS: Final = 3.0
"""The time in which a worker that lives has written all of its logs into a Redis that was away."""

Running = Callable[[set[str]], Awaitable[set[str]]]
"""Returns the runs of some that go on, by the store."""


class EventLogs:
    """The logs of a process that is alone; see `SharedEventLogs` for several.

    A log lives for as long as something holds it: its run, or a reader.

    :param folder: the folder of the files with the events of durable runs; None: there are no files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.on_cancel: Callable[[str], None] | None = None
        """Called with the id of a run that another process wants to be cancelled."""
        self._logs: WeakValueDictionary[str, MemoryLog] = WeakValueDictionary()
        self._file = folder and EventFile(folder, self._durable)
        self._left = folder and LeftEvents(folder)

    def open(self, run_id: str, tenant_id: str, *, epoch: int = 0, is_durable: bool = False) -> MemoryLog:
        """Return the log of a run that begins, or is to go on after a pause: see `reopen`.

        :param epoch: the epoch of its writer.
        :param is_durable: whether another worker may take the run over, and so finds the events.
        """
        log = self._logs.get(run_id)
        if log is None or log.is_superseded:
            log = self._logs[run_id] = self._make(run_id, tenant_id, epoch, is_durable=is_durable)
        return log

    def _make(self, run_id: str, tenant_id: str, epoch: int, *, is_durable: bool) -> MemoryLog:
        if self._file and is_durable:
            return WrittenLog(
                run_id,
                tenant_id=tenant_id,
                writer=self._file,
                is_durable=True,
                epoch=epoch,
            )
        return MemoryLog(run_id, epoch=epoch)

    def reopen(self, log: MemoryLog, pause: RunPaused, epoch: int, left: bytes = b"") -> None:
        """Let the log of a run go on after a pause.

        :param pause: its last event, as the store has it.
        :param epoch: that of its writer from now on.
        :param left: the events up to the pause, as far as `left` has found them.
        """
        if log.last_seq < pause.seq:
            restore_events(log, left, pause)
        log.reopen(pause.seq, epoch)

    async def left(self, run_id: str, epoch: int) -> bytes:
        """Return the events of a run that has ended, or waits, as its last owner has written them.

        Empty where they are not here: other processes' logs in Redis are found by `find_peer_log`.

        :param epoch: the epoch of its last owner.
        """
        if not self._left:
            return b""
        try:
            return await asyncio.to_thread(self._left.read, run_id, epoch)
        except OSError:
            logger.exception("events_not_read", run_id=run_id)
            return b""

    async def restore(
        self,
        run_id: str,
        tenant_id: str,
        *,
        epoch: int,
        age_seconds: float = 0.0,
        silent_seconds: float = 0.0,
        pause: RunPaused | None = None,
    ) -> MemoryLog:
        """Return the log of a run that was taken over, with the events of its owners before.

        From now on these write no more. Where events that a reader has seen may be lost, the log has none,
        and its first event has a number that no reader has seen.

        :param epoch: the epoch of the new owner.
        :param age_seconds: the time since the run began, or was resumed.
        :param silent_seconds: the time since the last sign of life of the owner before.
        :param pause: the last pause of the run, as the store has it.
        :raises StaleWriter: when the run has a later epoch.
        """
        self._supersede(run_id)
        log = self._make(run_id, tenant_id, 0, is_durable=True)
        frames = await self._take(run_id, tenant_id, epoch, min(age_seconds, silent_seconds + REFILL_SECONDS))
        if frames is None:
            begin_after_loss(log, epoch)
        else:
            restore_events(log, frames, pause)
            log.begin_epoch(epoch)
        self._logs[run_id] = log
        return log

    async def _take(
        self,
        run_id: str,
        tenant_id: str,  # noqa: ARG002 - a file needs only the run
        epoch: int,
        doubtful_seconds: float,  # noqa: ARG002 - a file loses nothing that was written into it
    ) -> bytes | None:
        """Take what the owners before have written; None: some of it may be lost.

        :raises StaleWriter: when the run has a later epoch.
        """
        if not self._left or not self._file:
            return b""
        try:
            return await asyncio.to_thread(self._left.take, run_id, epoch)
        except OSError:
            logger.exception("events_not_read", run_id=run_id)
            return None

    def _supersede(self, run_id: str) -> None:
        """End what this process itself may still write into the log of a run."""
        log = self._logs.get(run_id)
        if log is not None and not log.is_superseded:
            log.supersede()

    def _durable(self) -> Iterator[WrittenLog]:
        """Return the logs of durable runs that this process writes."""
        for log in list(self._logs.values()):
            if isinstance(log, WrittenLog) and log.is_durable and not log.is_superseded:
                yield log

    async def forget_ended(self, running: Running) -> None:
        """Remove the events that were written for a next owner, where the run has ended.

        :param running: asks the store.
        :raises StoreError: when the store does not answer.
        """
        if self._file and self._left:
            self._file.drop_ended()
            unended = await asyncio.to_thread(self._left.unended)
            going_on = await running(unended) if unended else set()
            await asyncio.to_thread(self._left.remove_ended, going_on)

    async def forget(self, run_ids: Collection[str]) -> None:
        """Remove the events of runs that have ended, wherever this process can: nobody may read them again.

        :raises OSError: when a file cannot be rewritten.
        :raises LogUnavailable: when other processes' logs cannot be reached.
        """
        for run_id in run_ids:
            self._logs.pop(run_id, None)
        if self._file and self._left:
            self._file.rewrite()
            await asyncio.to_thread(self._left.remove_runs, run_ids)

    async def find_peer_log(self, run_id: str, wait_seconds: float = 0.0) -> PeerLog | None:  # noqa: ARG002 - there is no other process
        """Return the log of a run as other processes know it; None: they do not.

        :param wait_seconds: the longest wait for a log that has just been begun.
        """
        return None

    async def are_reachable(self) -> bool:
        """Return whether other processes' logs are found, where there are any."""
        return True

    async def has_reader_at_peer(self, run_id: str) -> bool:  # noqa: ARG002 - the same
        """Return whether another process has a reader of a run of this one."""
        return False

    async def cancel_at_peer(self, log: PeerLog) -> bool:  # noqa: ARG002 - the same
        """Have a run cancelled by its process, and return whether it was: it may have ended before."""
        return False

    async def forget_dead_peers(self) -> None:
        """Let the readers of runs whose process on this machine has died know it now."""

    async def lead(self, key: str, run_id: str, former: str = "") -> PeerLog | None:  # noqa: ARG002 - the same
        """Let a run lead identical requests in all processes, or return the log of the run that does.

        :param former: a run that has led until it ended or was lost, or empty.
        """
        return None

    async def end_lead(self, key: str, run_id: str) -> None:
        """Let another run lead the next requests."""

    async def aclose(self) -> None:
        """Write what is left, and close."""
        if self._file:
            self._file.close()
