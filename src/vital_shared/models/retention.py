"""Retention: how long each kind of data is kept, for all tenants and for single ones."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, get_args

from pydantic import BeforeValidator, Field

from vital_shared.models.base import Frozen
from vital_shared.models.workflow_io import Id

__all__ = ["RETAINED_KINDS", "RetainedKind", "RetentionOutcome", "RetentionPeriods", "RetentionTable"]

RetainedKind = Literal["runs", "conversations", "documents", "dead_letters"]

RETAINED_KINDS: Final[tuple[RetainedKind, ...]] = get_args(RetainedKind)

_PERIOD: Final = re.compile(r"([1-9][0-9]{0,4})([hd])", re.ASCII)


def _to_period(value: object) -> object:
    """Read ``90d`` or ``12h``; ``forever`` is no period."""
    if value == "forever":
        return None
    found = _PERIOD.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('it has to be a number of days or hours, such as "90d" or "12h", or "forever"')
    number = int(found[1])
    return timedelta(days=number) if found[2] == "d" else timedelta(hours=number)


Period = Annotated[timedelta | None, BeforeValidator(_to_period)]


class RetentionPeriods(Frozen):
    """The time that each kind is kept; None: forever."""

    runs: Period = None
    """Ended runs with request, answer, decisions, feedback and webhooks, from when they were begun."""

    conversations: Period = None
    """Conversations with their messages, from the last one."""

    documents: Period = None
    """Documents with their passages, from when they were last stored."""

    dead_letters: Period = None
    """Dead letters that somebody has seen to, from when they were set aside."""


class RetentionTable(RetentionPeriods):
    """The table ``retention`` of the configuration."""

    tenants: dict[Id, RetentionPeriods] = Field(default_factory=dict)
    """The periods of single tenants; a kind that they leave out is kept as for all."""

    def periods(self, kind: RetainedKind) -> tuple[timedelta | None, dict[str, timedelta | None]]:
        """Return the period of a kind for all tenants, and those of tenants with their own."""
        own = {
            tenant: getattr(table, kind)
            for tenant, table in self.tenants.items()
            if kind in table.model_fields_set
        }
        return getattr(self, kind), own


class RetentionOutcome(Frozen):
    """The outcome of a pass that came to its end."""

    ended_at: datetime
    deleted: dict[RetainedKind, int]
    """Rows by kind; the kinds that are kept forever are left out."""
