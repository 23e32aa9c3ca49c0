"""Errors of the cache; none of them reaches the client."""

from __future__ import annotations

from vital_shared.errors import VitalError

__all__ = ["CacheUnavailable"]


class CacheUnavailable(VitalError):
    """A tier that others share has not answered, or is left alone for a while."""
