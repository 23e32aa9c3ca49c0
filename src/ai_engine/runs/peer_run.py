"""A run of other workers, as a run handle: its events are copied into a log of this process."""

from __future__ import annotations

from ai_engine.engine import Engine
from ai_engine.runs.run_reader import following_run
from vital_shared.errors import RunFailed
from vital_shared.events.encoding import decode
from vital_shared.events.memory import MemoryLog
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.event import EventAdapter, RunFailedEvent
from vital_shared.workflows.run_handle import RunHandle

__all__ = ["PeerRun"]


class PeerRun(RunHandle):
    """A run that is followed to its end, whichever workers have it.

    :param after: the number of the last event that is known here.
    """

    def __init__(self, engine: Engine, run_id: str, after: int = 0) -> None:
        super().__init__(MemoryLog(run_id, last_seq=after))
        self._engine = engine

    async def run(self) -> None:
        """Copy its log.

        :raises RunFailed: when it has failed before the first event.
        """
        log = self.log
        async with following_run(self._engine, self.run_id, log.last_seq) as reader:
            while frames := await reader.frames():
                for _, fields in decode(frames):
                    event = EventAdapter.validate_python(fields, strict=False)
                    if not log.last_seq and isinstance(event, RunFailedEvent):
                        raise RunFailed(event.message, run_id=self.run_id, error_type=event.error_type)
                    await log.room()
                    log.append(event)

    def cancel(self, reason: CancelReason = "cancelled") -> None:
        """Leave it: the run is another worker's."""
