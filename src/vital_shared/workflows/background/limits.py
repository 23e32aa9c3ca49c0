"""The limits of background runs."""

from __future__ import annotations

from typing import NamedTuple

from vital_shared.settings import Settings

__all__ = ["QueueLimits"]


class QueueLimits(NamedTuple):
    """The limits of one workflow's background runs."""

    at_once: int
    """Runs at once in this process."""
    tenant_at_once: int
    """Runs of one tenant at once, in all processes together."""
    tenant_per_minute: int
    """Runs of one tenant that begin within a minute, in all processes together; 0: any number."""

    @classmethod
    def of(cls, settings: Settings) -> QueueLimits:
        """Return the limits that the environment sets."""
        return cls(
            settings.background_runs,
            min(settings.background_runs, settings.background_runs_per_tenant),
            settings.background_runs_per_minute,
        )
