"""A person or a program that a company's identity provider vouches for."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from vital_shared.models.api_key import Scope
from vital_shared.models.base import Frozen
from vital_shared.models.workflow_io import Id

__all__ = ["Identity", "TokenVerifier"]


class Identity(Frozen):
    """The holder of a verified token."""

    tenant_id: Id | None
    """None: for all tenants, which the token says expressly."""

    user_id: Id
    scopes: tuple[Scope, ...]
    expires_at: datetime


class TokenVerifier(Protocol):
    """The verification of an identity provider's tokens, for which a package more is needed."""

    async def verify(self, text: str) -> Identity:
        """Return the identity that a token vouches for.

        :raises NotAuthenticated: when it cannot be used.
        """
        ...
