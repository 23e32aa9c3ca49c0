"""A write that was set aside, as people see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from vital_shared.models.base import Frozen

__all__ = ["DeadLetter"]


class DeadLetter(Frozen):
    """A charge, or the end of a run, that the database will never take as it is."""

    id: int
    kind: Literal["charge", "run_end"]
    tenant_id: str
    run_id: str
    item: str
    """The charge's name within its run, or ``end``."""
    payload: dict[str, Any]
    """The whole write."""
    error: str
    """The error of the last attempt."""
    attempts: int
    at: datetime
    """The time when it was set aside, in UTC."""
    resolved: Literal["written", "discarded"] | None = None
    """The resolution; None: it is still owed."""
    resolved_at: datetime | None = None
