"""The logs of the runs that this process works on, or has worked on lately."""

from __future__ import annotations

from weakref import WeakValueDictionary

from vital_shared.events.memory import MemoryLog

__all__ = ["EventLogs"]


class EventLogs:
    """The logs by their runs; a log lives for as long as something holds it: its run, or a reader."""

    def __init__(self) -> None:
        self._logs: WeakValueDictionary[str, MemoryLog] = WeakValueDictionary()

    def open(self, run_id: str, last_seq: int = 0) -> MemoryLog:
        """Return the log of a run that begins, or goes on after a pause.

        :param last_seq: the number of the last event before the pause.
        """
        log = self._logs.get(run_id)
        if log is None:
            log = self._logs[run_id] = MemoryLog(run_id, last_seq=last_seq)
        return log
