"""The log of a run as its new owner finds it: the events of the owners before, whose numbers go on."""

from __future__ import annotations

from typing import Final

from vital_shared.events.encoding import decode
from vital_shared.events.memory import MemoryLog
from vital_shared.models.event import EventAdapter, RunPaused

__all__ = ["begin_after_loss", "restore_events"]

NUMBERS_PER_EPOCH: Final = 1_000_000
"""More events than a run writes."""


def restore_events(log: MemoryLog, frames: bytes, pause: RunPaused | None) -> None:
    """Write encoded events into a new log.

    :param pause: the last pause of the run, which is stored before it is an event.
    """
    for _, fields in decode(frames):
        if fields["seq"] > log.last_seq:
            log.append(EventAdapter.validate_python(fields, strict=False))
    if pause is not None and log.last_seq < pause.seq:
        log.append(pause)


def begin_after_loss(log: MemoryLog, epoch: int) -> None:
    """Let a log whose events may be lost begin with a number that no reader can have seen."""
    log.begin_epoch(epoch, last_seq=epoch * NUMBERS_PER_EPOCH)
