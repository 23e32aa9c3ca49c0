"""Refuse what a worker writes of a run that another worker has by now."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, select

from vital_shared.models.fence import Fence
from vital_shared.store.prepared import Prepared
from vital_shared.store.tables import runs

__all__ = ["FENCED", "fence_values", "fenced", "is_current"]

FENCED: Final = (runs.c.owner == bindparam("fence_owner"), runs.c.epoch == bindparam("fence_epoch"))
"""The condition of a prepared statement, which `fence_values` gives its values."""

_CURRENT: Final = Prepared(
    select(runs.c.id).where(runs.c.id == bindparam("fence_run_id"), *FENCED).with_for_update(key_share=True)
)


def fenced(fence: Fence | None) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a worker may write the row of a run; none where it has no owner."""
    return () if fence is None else (runs.c.owner == fence.owner, runs.c.epoch == fence.epoch)


def fence_values(fence: Fence) -> dict[str, Any]:
    """Return the values of `FENCED`."""
    return {"fence_owner": fence.owner, "fence_epoch": fence.epoch}


def is_current(connection: Connection, run_id: str, fence: Fence) -> bool:
    """Return whether a run is still the worker's, and keep it so until the transaction ends.

    For what is written beside the row of the run, such as its charges, before anything is.
    """
    values = {"fence_run_id": run_id} | fence_values(fence)
    return bool(_CURRENT.returned(connection, [values]))
