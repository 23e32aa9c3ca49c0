"""The last event of a run that is read from the store, for readers that cannot read it from the run's log."""

from __future__ import annotations

from vital_shared.models.event import Outcome, RunFailedEvent, RunFinished, RunPaused
from vital_shared.store.run_record import LOST
from vital_shared.store.runs import RunRecord

__all__ = ["last_event", "lost_event"]


def last_event(record: RunRecord, seq: int) -> Outcome | None:
    """Make the last event of a run from its record; None where it still runs, or has not begun.

    :param seq: its number.
    """
    if record.status in ("queued", "running"):
        return None
    if record.output is not None:
        make = RunPaused if record.status == "awaiting_approval" else RunFinished
        return make(run_id=record.id, seq=seq, epoch=record.epoch, output=record.output)
    return RunFailedEvent(
        run_id=record.id,
        seq=seq,
        epoch=record.epoch,
        error_type=record.error_type or record.status,
        message=record.error_message or f"The run is {record.status}.",
        node=record.error_node,
    )


def lost_event(record: RunRecord, seq: int) -> RunFailedEvent:
    """Make the last event of a run that has died with its worker.

    :param seq: its number.
    """
    return RunFailedEvent(
        run_id=record.id, seq=seq, epoch=record.epoch, error_type=LOST.error_type, message=LOST.message
    )
