"""The erasure of a person: what is asked for, and the report of it."""

from __future__ import annotations

from vital_shared.models.audit import AuditOutcome
from vital_shared.models.base import Frozen

__all__ = ["ErasedRows", "ErasureReport"]


class ErasedRows(Frozen):
    """The numbers of rows of the store that were deleted, or that name a person by a pseudonym now."""

    runs: int = 0
    """With their checkpoints, nodes, calls, webhooks, decisions and places in the queue."""

    conversations: int = 0
    messages: int = 0
    """Those in conversations that others have begun; those in the person's own went with these."""

    feedback: int = 0
    decisions: int = 0
    """Decisions on other users' runs, which no longer say who made them, and why."""

    idempotency_keys: int = 0
    dead_letters: int = 0
    ledger_rows: int = 0
    """Rows that keep what was spent, with a pseudonym in place of the user."""


class ErasureReport(Frozen):
    """The report of one erasure."""

    outcome: AuditOutcome
    """Partial: see `left`, and erase the person again."""

    pseudonym: str
    """It stands in the ledger and the audit log; the key that led to it is destroyed."""

    rows: ErasedRows
    cancelled_runs: int
    cached_answers: int
    """The tenant's cached answers, which do not say whose they are; other processes let go of theirs within
    the time that answers are good for."""

    left: tuple[str, ...]
    """The parts that could not be erased now, a sentence each."""
