"""Reasons for which a run is ended from outside, each with its own error type and sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

__all__ = ["CANCELLED", "REASONS", "SENTENCES", "CancelReason"]

CancelReason = Literal["cancelled", "client_gone", "deadline", "shutting_down"]
"""Cancelled by a client, cancelled since nobody reads the run, out of the time that the client gave it, or
ended with the engine. Also the run's error type, beside "lost" (its process died)."""

REASONS: Final = frozenset({"cancelled", "client_gone", "shutting_down"})

CANCELLED: Final = frozenset({"cancelled", "client_gone"})
"""Error types of runs with the status "cancelled"; a run that ends with the engine has failed."""

SENTENCES: Final[Mapping[CancelReason, str]] = {
    "cancelled": "The run was cancelled.",
    "client_gone": "The run was cancelled: its client had gone.",
    "deadline": "The time that the request gave the run was over before there was an answer.",
    "shutting_down": "The engine is shutting down, which has ended the run: try again in a moment.",
}
