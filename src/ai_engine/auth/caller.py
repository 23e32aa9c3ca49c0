"""The caller: the holder of a key, or, where the engine is open, the administrator of this machine.

A key may be one tenant's: that tenant wins over whatever the request names. Or it may be for all
tenants, as the local administrator is; the header ``X-Tenant-ID`` then narrows a request down to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from ai_engine.auth.identity import Identity
from ai_engine.auth.permissions import Permission
from vital_shared.errors import Forbidden, InvalidRequest, VitalError
from vital_shared.models.api_key import ApiKey, Scope
from vital_shared.models.workflow_io import Id, WorkflowInput
from vital_shared.store.actor import Actor

__all__ = [
    "SCOPE_KEY",
    "TENANT_HEADER",
    "Caller",
    "ExpiredKey",
    "NotAllowed",
    "NotAuthenticated",
    "TooManyFalseKeys",
]

Input = TypeVar("Input", bound=WorkflowInput)

TENANT_HEADER: Final = "X-Tenant-ID"

SCOPE_KEY: Final = "vital.caller"
"""The key of the caller in the ASGI scope, as `Authentication` leaves it."""

_id: Final[TypeAdapter[str]] = TypeAdapter(Id)


REALM: Final = 'Bearer realm="vital"'


class NotAuthenticated(VitalError):
    """The request holds no key, or none that can be used.

    :param message: one sentence, which repeats nothing of what was sent.
    :param error: RFC 6750's word for it; None where nothing was sent.
    """

    def __init__(self, message: str, *, error: str | None = None) -> None:
        super().__init__(message)
        self.has_false_key = error is not None
        self.challenge = REALM if error is None else f'{REALM}, error="{error}"'


class ExpiredKey(NotAuthenticated):
    """The key is right, and its time is over; so it is no attempt with a false one, and not held back.

    :param expired_at: the moment since which it is refused.
    """

    def __init__(self, expired_at: datetime) -> None:
        super().__init__(
            f"The key expired at {expired_at:%Y-%m-%d %H:%M:%S} UTC: send its replacement, or "
            "create a new key with `vital keys create`.",
            error="invalid_token",
        )
        self.has_false_key = False


class TooManyFalseKeys(VitalError):
    """Too many false keys came from the caller's address.

    :param retry_after_seconds: time to wait before another attempt.
    """

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            f"Too many wrong keys were sent from this address: wait {retry_after_seconds} seconds, and send "
            "the right one."
        )
        self.retry_after_seconds = retry_after_seconds


class NotAllowed(Forbidden):
    """The key does not allow this.

    :param permission: the permission that would suffice.
    """

    def __init__(self, permission: Permission) -> None:
        reach = " for all tenants, and no X-Tenant-ID" if permission.all_tenants else ""
        super().__init__(f"The key does not allow this: use one with the scope {permission.scope}{reach}.")
        self.challenge = f'{REALM}, error="insufficient_scope", scope="{permission.scope}"'


@dataclass(frozen=True, slots=True)
class Caller:
    """The tenant of a request, and its permissions."""

    tenant_id: str | None
    """None: on behalf of all tenants."""

    scopes: tuple[Scope, ...]
    has_own_tenant: bool = False
    """The tenant is that of the key, and not just named by the request."""
    key_id: str | None = None
    """The id of the key; None: there is none, and none is needed, or a token takes its place."""
    user_id: str | None = None
    """The user that a verified token names, in whose name alone it acts; None: requests name theirs."""

    @classmethod
    def of(cls, connection: HTTPConnection) -> Caller:
        """Return whom `Authentication` has found."""
        caller: Caller = connection.scope[SCOPE_KEY]
        return caller

    @property
    def actor(self) -> Actor:
        """The actor that the audit log names."""
        if self.user_id is not None:
            return Actor("user", self.user_id, self.tenant_id if self.has_own_tenant else None)
        return Actor("local") if self.key_id is None else Actor("key", self.key_id)

    @classmethod
    def from_key(cls, key: ApiKey | None, headers: Headers) -> Caller:
        """Make the caller of a request.

        :param key: None: the administrator of this machine.
        :raises InvalidRequest: when the tenant header is there and counts, but names no tenant; an empty
            one is nobody's, and not the administrator's.
        """
        scopes: tuple[Scope, ...] = ("admin",) if key is None else key.scopes
        if key is not None and key.tenant_id is not None:
            return cls(key.tenant_id, scopes, has_own_tenant=True, key_id=key.id)
        return cls(_named_tenant(headers), scopes, key_id=None if key is None else key.id)

    @classmethod
    def from_identity(cls, identity: Identity, headers: Headers) -> Caller:
        """Make the caller of a request with a verified token.

        :raises InvalidRequest: when the tenant header is there and counts, but names no tenant.
        """
        has_own = identity.tenant_id is not None
        tenant = identity.tenant_id if has_own else _named_tenant(headers)
        return cls(tenant, identity.scopes, has_own_tenant=has_own, user_id=identity.user_id)

    def user(self, named: str | None) -> str | None:
        """Return the user of a request: the verified one takes the place of the one that it names."""
        return named if self.user_id is None else self.user_id

    def in_own_name(self, request: Input) -> Input:
        """Return a question in the name of the verified user, where there is one."""
        return request if self.user_id is None else request.model_copy(update={"user_id": self.user_id})

    def may(self, permission: Permission) -> bool:
        """Return whether it has the scope (an administrator has each), for all tenants where needed."""
        if permission.all_tenants and self.tenant_id is not None:
            return False
        return permission.scope is None or permission.scope in self.scopes or "admin" in self.scopes

    @property
    def is_local(self) -> bool:
        """Whether it is the administrator of this machine, of whom nothing was asked."""
        return self.key_id is None and self.user_id is None

    def check(self, tenant_id: str) -> None:
        """See that the caller may act for the tenant that the body names.

        :raises InvalidRequest: when it is another than the caller's.
        """
        if not self.may_see(tenant_id):
            raise InvalidRequest(
                f"tenant_id differs from the header {TENANT_HEADER}: send the same tenant in both",
                field="tenant_id",
            )

    def may_see(self, tenant_id: str) -> bool:
        """Return whether what belongs to a tenant alone is visible."""
        return self.tenant_id in (None, tenant_id)


def _named_tenant(headers: Headers) -> str | None:
    values = headers.getlist(TENANT_HEADER)
    if not values:
        return None
    try:
        return _id.validate_python(values[0] if len(values) == 1 else ", ".join(values))
    except ValidationError as error:
        raise InvalidRequest(
            f"{TENANT_HEADER} has to be one tenant's id: 1 to 128 letters, digits and _ . : @ -",
            field=TENANT_HEADER,
        ) from error
