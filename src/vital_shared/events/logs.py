"""The logs of the runs that this process works on, or has worked on lately."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakValueDictionary

from vital_shared.events.log import PeerLog
from vital_shared.events.memory import MemoryLog

__all__ = ["EventLogs"]


class EventLogs:
    """The logs of a process that is alone; see `SharedEventLogs` for several.

    A log lives for as long as something holds it: its run, or a reader.
    """

    def __init__(self) -> None:
        self.on_cancel: Callable[[str], None] | None = None
        """Called with the id of a run that another process wants to be cancelled."""
        self._logs: WeakValueDictionary[str, MemoryLog] = WeakValueDictionary()

    def open(self, run_id: str, tenant_id: str, last_seq: int = 0) -> MemoryLog:
        """Return the log of a run that begins, or goes on after a pause.

        :param last_seq: the number of the last event before the pause.
        """
        log = self._logs.get(run_id)
        if log is None:
            log = self._logs[run_id] = self._make(run_id, tenant_id, last_seq)
        return log

    def _make(self, run_id: str, tenant_id: str, last_seq: int) -> MemoryLog:  # noqa: ARG002 - memory has no owner
        return MemoryLog(run_id, last_seq=last_seq)

    async def find_elsewhere(self, run_id: str, wait_seconds: float = 0.0) -> PeerLog | None:  # noqa: ARG002 - there is no other process
        """Return the log of a run as other processes know it; None: they do not.

        :param wait_seconds: the longest wait for a log that has just been begun.
        """
        return None

    async def is_read_elsewhere(self, run_id: str) -> bool:  # noqa: ARG002 - the same
        """Return whether another process has a reader of a run of this one."""
        return False

    async def cancel_elsewhere(self, log: PeerLog) -> bool:  # noqa: ARG002 - the same
        """Have a run cancelled by its process, and return whether it was: it may have ended before."""
        return False

    async def forget_dead_peers(self) -> None:
        """Let the readers of runs whose process on this machine has died know it now."""

    async def lead(self, key: str, run_id: str, lost: str = "") -> PeerLog | None:  # noqa: ARG002 - the same
        """Let a run lead identical requests in all processes, or return the log of the run that does.

        :param lost: a run that has led and was lost, or empty.
        """
        return None

    async def end_lead(self, key: str, run_id: str) -> None:
        """Let another run lead the next requests."""
