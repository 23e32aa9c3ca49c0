"""The last events of a run, for readers that find no worker with it: as they are left, and stored."""

from __future__ import annotations

import math

from vital_shared.events.encoding import encode, frames_after, last_seq, last_type
from vital_shared.events.logs import EventLogs
from vital_shared.models.event import (
    ENDS,
    Event,
    Outcome,
    RunFailedEvent,
    RunFinished,
    RunPaused,
    Superseded,
    Token,
)
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.store.run_record import LOST
from vital_shared.store.runs import RunRecord

__all__ = ["last_event", "last_frames", "lost_event"]


async def last_frames(
    logs: EventLogs, record: RunRecord, after: int, *, gives_up: bool = True
) -> bytes | None:
    """Return the events of a run after a number, as they are left; None where it runs, or has not begun.

    Its last event is made from its record where its worker died before it wrote that, or where its events are
    gone, or cannot be reached. A reader that may lack some of the answer then gets it anew, and whole.

    :param gives_up: whether to do without events that the reader lacks; otherwise None is returned for them:
        they may yet be found.
    """
    if record.status in ("queued", "running"):
        return None
    is_paused = record.status == "awaiting_approval"
    left = await logs.left(record.id, record.epoch) if record.is_durable else b""
    frames = frames_after(left, after)
    if last_type(left) in (("run_paused",) if is_paused else ENDS):
        return frames
    known = max(after, last_seq(left))
    if is_paused:
        end = last_event(record, record.last_seq)
        if end is None or end.seq <= after:
            return frames
        return frames + encode(end) if gives_up or not after or known >= end.seq - 1 else None
    before = max(known, record.last_seq)
    if known and record.output is not None:
        if known < _answered_seq(record, record.output):
            return frames + _whole_answer(record, record.output, before + 1) if gives_up else None
        before = known  # the answer has what lies between, too: no number is to be missing
    end = last_event(record, before + 1)
    return frames if end is None else frames + encode(end)


def _answered_seq(record: RunRecord, output: WorkflowOutput) -> float:
    """Return the number of an event with which a reader has all of the answer, at the latest."""
    if not record.last_seq:  # nobody knows: its worker could not store it, or was of an earlier version
        return math.inf
    return record.last_seq - 1 - len(output.warnings)


def _whole_answer(record: RunRecord, output: WorkflowOutput, seq: int) -> bytes:
    """Make the events that void all that a reader has, and follow with the answer."""
    events: tuple[Event, ...] = (
        Superseded(run_id=record.id, seq=seq, epoch=record.epoch, from_seq=1),
        Token(run_id=record.id, seq=seq + 1, epoch=record.epoch, text=output.response),
        RunFinished(run_id=record.id, seq=seq + 2, epoch=record.epoch, output=output),
    )
    return b"".join(map(encode, events))


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
