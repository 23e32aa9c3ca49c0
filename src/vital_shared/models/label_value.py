"""A name in the metrics: a value of a bounded label that is counted by itself."""

from __future__ import annotations

from datetime import datetime

from vital_shared.models.base import Frozen

__all__ = ["LabelValue"]


class LabelValue(Frozen):
    """One value that has a name."""

    label: str
    value: str
    since: datetime
    last_used: datetime | None
    """The last use, to the hour; None: not since it was named."""

    reserved: bool
    """Whether it is configured: such a name is never freed."""
