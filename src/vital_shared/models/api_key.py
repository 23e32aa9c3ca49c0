"""API keys: access over HTTP, and its permissions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from vital_shared.models.base import Frozen

__all__ = ["ApiKey", "Scope"]

Scope = Literal["ask", "costs", "admin"]
"""The permissions of a key, for its tenant or for all:

- ``ask``: begin runs, follow, approve and cancel them; see agents and documents.
- ``costs``: see what was spent, and budgets; with a key for all tenants, also metrics and alerts.
- ``admin``: both, and change agents and documents; with a key for all tenants, also what they share,
  and budgets.
"""


class ApiKey(Frozen):
    """A key without its secret."""

    id: str
    tenant_id: str | None
    """None: for all tenants."""

    name: str
    """The purpose of the key, in its owner's words."""

    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    """None: it never expires."""

    revoked_at: datetime | None = None
    """None: it can be used until it expires."""

    def has_expired(self, now: datetime) -> bool:
        """Return whether its time is over; at the moment of its expiry, it is."""
        return self.expires_at is not None and self.expires_at <= now
