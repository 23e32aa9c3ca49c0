"""The last pause of a run, as its readers saw it, restored from the store."""

from __future__ import annotations

from vital_shared.models.event import RunPaused
from vital_shared.store.run_record import RunRecord

__all__ = ["last_pause"]


def last_pause(record: RunRecord, epoch: int) -> RunPaused | None:
    """Make the event of a run's last pause; None: it has not paused, or has ended.

    :param epoch: the epoch in which it paused, or a later one that is over.
    """
    if not record.last_seq or record.output is None:
        return None
    return RunPaused(run_id=record.id, seq=record.last_seq, epoch=epoch, output=record.output)
