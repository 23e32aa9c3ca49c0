"""The last event of a run whose worker has died, for its followers at another."""

from __future__ import annotations

from vital_shared.models.event import RunFailedEvent
from vital_shared.store.run_record import LOST

__all__ = ["lost_event"]


def lost_event(run_id: str, seq: int) -> RunFailedEvent:
    """Make the event.

    :param seq: its number.
    """
    return RunFailedEvent(run_id=run_id, seq=seq, error_type=LOST.error_type, message=LOST.message, node=None)
