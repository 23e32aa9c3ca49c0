"""Who calls: an administrator of this machine, or a tenant.

The service listens on loopback and knows no keys, so whoever reaches it is the local administrator
and sees all tenants. The header ``X-Tenant-ID`` narrows a request down to one tenant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.requests import HTTPConnection

from vital_shared.errors import InvalidRequest
from vital_shared.models.workflow_io import Id

__all__ = ["TENANT_HEADER", "Caller"]

TENANT_HEADER: Final = "X-Tenant-ID"
_id: Final[TypeAdapter[str]] = TypeAdapter(Id)


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a request is made."""

    tenant_id: str | None
    """None: the local administrator."""

    @classmethod
    def of(cls, connection: HTTPConnection) -> Caller:
        """Read the header.

        :raises InvalidRequest: when it is there but names no tenant; an empty one is nobody's, and not
            the administrator's.
        """
        values = connection.headers.getlist(TENANT_HEADER)
        if not values:
            return cls(None)
        try:
            return cls(_id.validate_python(values[0] if len(values) == 1 else ", ".join(values)))
        except ValidationError as error:
            raise InvalidRequest(
                f"{TENANT_HEADER} has to be one tenant's id: 1 to 128 letters, digits and _ . : @ -",
                field=TENANT_HEADER,
            ) from error

    def check(self, tenant_id: str) -> None:
        """See that the caller may act for the tenant that the body names.

        :raises InvalidRequest: when it is another than the caller's.
        """
        if not self.may_see(tenant_id):
            raise InvalidRequest(
                f"tenant_id is not the one of the header {TENANT_HEADER}: give the same in both",
                field="tenant_id",
            )

    def may_see(self, tenant_id: str) -> bool:
        """Whether what belongs to a tenant alone is visible."""
        return self.tenant_id in (None, tenant_id)
