"""A log in memory that is also written elsewhere: into Redis for other processes, or into a file."""

from __future__ import annotations

from typing import Protocol

from vital_shared.events.log import RunState
from vital_shared.events.memory import MemoryLog
from vital_shared.models.event import RunPaused
from vital_shared.monitoring.metrics import EVENTS_NOT_WRITTEN_AHEAD_TOTAL

__all__ = ["LogWriter", "WrittenLog"]


class LogWriter(Protocol):
    """The writer of a process's logs."""

    @property
    def is_away(self) -> bool:
        """Whether the place that it writes to is known not to take anything."""
        ...

    def note(self, log: WrittenLog) -> None:
        """Note that a log has something new."""
        ...


class WrittenLog(MemoryLog):
    """A log whose events are written soon after they are appended.

    The log of a durable run is written ahead: readers get an event once it is written, so that they have seen
    nothing that the run's next owner will not find. Where the writer is away, they get it at once.

    :param tenant_id: the owner of the run.
    :param writer: writes what is new.
    :param is_durable: whether another worker may take the run over.
    """

    def __init__(
        self,
        run_id: str,
        *,
        tenant_id: str,
        writer: LogWriter,
        is_durable: bool,
        last_seq: int = 0,
        epoch: int = 0,
    ) -> None:
        super().__init__(run_id, last_seq=last_seq, epoch=epoch)
        self.tenant_id = tenant_id
        self.is_durable = is_durable
        self.written_seq = last_seq
        """The number of the last event that is written."""
        self.is_noted = False
        """Whether the writer knows that there is something new."""
        self._writer = writer

    @property
    def state(self) -> RunState:
        """The state of the run, as far as the log knows it."""
        if not self.is_closed:
            return "live"
        if self.outcome is None:
            return "lost"  # this worker has left it
        return "paused" if isinstance(self.outcome, RunPaused) else "ended"

    def written(self, seq: int) -> None:
        """Note that the events up to a number are written."""
        self.written_seq = seq
        self.release(min(seq, self.last_seq))

    def release_unwritten(self) -> None:
        """Let readers have what could not be written."""
        if (unwritten := self.last_seq - self.readable_seq) > 0:
            EVENTS_NOT_WRITTEN_AHEAD_TOTAL.labels().inc(unwritten)
            self.release(self.last_seq)

    def close(self) -> None:
        """End the log."""
        super().close()
        self._note()

    def reopen(self, last_seq: int, epoch: int) -> None:
        """Go on after a pause."""
        if last_seq != self.last_seq:
            self.written_seq = last_seq
        super().reopen(last_seq, epoch)

    def _added(self) -> None:
        if self.is_durable:
            if self._writer.is_away:
                self.release_unwritten()
            if self.size > self._limit:
                self._drop_read()
        else:
            super()._added()
        self._note()

    def _note(self) -> None:
        if self.last_seq and not self.is_noted and not self.is_superseded:
            self._writer.note(self)
