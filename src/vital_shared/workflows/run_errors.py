"""Errors of runs that were ended by something else than one of their nodes."""

from __future__ import annotations

from vital_shared.errors import RunCancelled, RunFailed
from vital_shared.models.cancellation import CANCELLED, SENTENCES, CancelReason

__all__ = ["broken_off", "ended_from_outside"]


def ended_from_outside(run_id: str, reason: CancelReason) -> RunFailed:
    """Make the error of a run that was ended from outside."""
    kind = RunCancelled if reason in CANCELLED else RunFailed
    return kind(SENTENCES[reason], run_id=run_id, error_type=reason)


def broken_off(run_id: str, cause: BaseException) -> RunFailed:
    """Make the error of a run that was ended by a fault of ours."""
    failure = RunFailed(f"The run broke off: {type(cause).__name__}.", run_id=run_id, error_type="internal")
    failure.__cause__ = cause
    return failure
