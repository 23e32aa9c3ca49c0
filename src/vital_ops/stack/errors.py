"""Failures of a stack."""

from __future__ import annotations

from vital_shared.errors import VitalError

__all__ = ["ChildFailed"]


class ChildFailed(VitalError):
    """A program of the stack does not start, or does not keep running."""
