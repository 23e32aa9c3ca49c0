"""Errors of runs that were not ended by one of their nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from vital_shared.errors import RunCancelled, RunFailed
from vital_shared.models.cancellation import CANCELLED, SENTENCES, CancelReason

__all__ = ["Departure", "broken_off", "departed", "ended_from_outside"]

Departure = Literal["superseded", "handed_over"]
"""The reason why a worker leaves a run that goes on elsewhere: another has taken it over, or is to."""

DEPARTED: Final[Mapping[Departure, str]] = {
    "superseded": "Another worker has taken the run over: GET /v1/runs/{id}/events goes on there.",
    "handed_over": (
        "The engine is shutting down, and another worker goes on with the run: GET /v1/runs/{id}/events "
        "follows it there."
    ),
}


def ended_from_outside(run_id: str, reason: CancelReason) -> RunFailed:
    """Make the error of a run that was ended from outside."""
    kind = RunCancelled if reason in CANCELLED else RunFailed
    return kind(SENTENCES[reason], run_id=run_id, error_type=reason)


def departed(run_id: str, reason: Departure) -> RunFailed:
    """Make the error of a run that goes on elsewhere, for its readers here."""
    return RunFailed(DEPARTED[reason], run_id=run_id, error_type=reason)


def broken_off(run_id: str, cause: BaseException) -> RunFailed:
    """Make the error of a run that was ended by a fault of ours."""
    failure = RunFailed(f"The run broke off: {type(cause).__name__}.", run_id=run_id, error_type="internal")
    failure.__cause__ = cause
    return failure
