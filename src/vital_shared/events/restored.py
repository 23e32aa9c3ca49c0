"""The log of a run as its new owner finds it: the events of the owners before, whose numbers go on."""

from __future__ import annotations

from typing import Final

from vital_shared.events.encoding import decode
from vital_shared.events.memory import MemoryLog
from vital_shared.models.event import EventAdapter

__all__ = ["begin_after_loss", "restore_events"]

NUMBERS_PER_EPOCH: Final = 1_000_000
"""More events than a run writes."""


def restore_events(log: MemoryLog, frames: bytes, epoch: int) -> None:
    """Write encoded events into a new log, and let it go on in a new epoch."""
    for _, fields in decode(frames):
        if fields["seq"] > log.last_seq:
            log.append(EventAdapter.validate_python(fields, strict=False))
    log.begin_epoch(epoch)


def begin_after_loss(log: MemoryLog, epoch: int) -> None:
    """Let a log whose events may be lost begin with a number that no reader can have seen."""
    log.begin_epoch(epoch, last_seq=epoch * NUMBERS_PER_EPOCH)
