"""Keys over HTTP: made, listed and revoked, within what the caller's own key allows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, Field

from ai_engine.api.body import read_model
from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from vital_shared.errors import InvalidRequest
from vital_shared.models.api_key import ApiKey, Scope
from vital_shared.models.base import Frozen
from vital_shared.models.workflow_io import Id
from vital_shared.store.keys import KeyStore

__all__ = ["KeyInput", "router"]

router = APIRouter(prefix="/v1/keys", tags=["keys"])


class KeyInput(Frozen):
    """A key to create."""

    tenant_id: Id | None = None
    """Its tenant; None: the caller's."""

    all_tenants: bool = False
    """Whether it is for all tenants, which only a key for all tenants may make."""

    scopes: tuple[Scope, ...] = Field(strict=False)
    name: str = ""
    """Its purpose, so that it is known again."""

    expires_at: AwareDatetime | None = None
    """The moment from which it is refused; None: never."""


class KeyList(Frozen):
    """Keys, the oldest first, without their secrets, which are not stored."""

    keys: tuple[ApiKey, ...]


class MadeKey(Frozen):
    """A newly created key."""

    key: ApiKey
    token: str
    """Its text, which is shown this once and never again."""


BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/KeyInput"},
                "example": {"tenant_id": "acme", "scopes": ["ask"], "name": "website"},
            }
        },
    }
}


@router.get("", summary="List keys")
async def list_keys(request: Request) -> KeyList:
    """List the tenant's keys; without the tenant header, those of all. Includes revoked ones."""
    store = KeyStore(engine_of(request).services.database)
    return KeyList(keys=await store.list(tenant_id=Caller.of(request).tenant_id))


@router.post("", summary="Create a key", status_code=201, openapi_extra=BODY)
async def create_key(request: Request, response: Response) -> MadeKey:
    """Create a key, for the caller's tenant or, with a key for all tenants, for any or all.

    Its text is in this answer alone. It expires no later than the key that it is made with. Where the engine
    has no keys yet, it takes one from the first on.
    """
    engine, caller = engine_of(request), Caller.of(request)
    wanted = await read_model(request, KeyInput, engine.settings.max_body_bytes)
    store = KeyStore(engine.services.database)
    _check_expiry(wanted.expires_at, await _own_expiry(caller, store))
    made = await store.create(
        tenant_id=_tenant_of(wanted, caller),
        scopes=wanted.scopes,
        name=wanted.name,
        now=engine.services.now(),
        expires_at=wanted.expires_at,
    )
    response.headers["Cache-Control"] = "no-store"
    return MadeKey(key=made.key, token=made.token)


@router.delete("/{key_id}", summary="Revoke a key")
async def revoke_key(request: Request, key_id: str) -> ApiKey:
    """Revoke a key of the tenant's for good; without the tenant header, any.

    It is refused within 5 seconds.
    """
    services = engine_of(request).services
    store = KeyStore(services.database)
    return await store.revoke(key_id, now=services.now(), tenant_id=Caller.of(request).tenant_id)


def _tenant_of(wanted: KeyInput, caller: Caller) -> str | None:
    """Return the tenant of a key to make; None: it is for all.

    :raises InvalidRequest: when it is not said, or is not the caller's to choose.
    """
    if wanted.all_tenants:
        if wanted.tenant_id is not None or caller.tenant_id is not None:
            raise InvalidRequest(
                "all_tenants is not for a key of one tenant: leave it out", field="all_tenants"
            )
        return None
    tenant_id = wanted.tenant_id or caller.tenant_id
    if tenant_id is None:
        raise InvalidRequest("tenant_id is missing: give it, or all_tenants", field="tenant_id")
    caller.check(tenant_id)
    return tenant_id


async def _own_expiry(caller: Caller, store: KeyStore) -> datetime | None:
    own = None if caller.key_id is None else await store.find(caller.key_id)
    return None if own is None else own.key.expires_at


def _check_expiry(wanted: datetime | None, own: datetime | None) -> None:
    """See that nobody prolongs access by making a key that outlives the own one.

    :raises InvalidRequest: when it would.
    """
    if own is not None and (wanted is None or wanted > own):
        raise InvalidRequest(
            f"expires_at has to be no later than the expiry of the key in use, {own:%Y-%m-%d %H:%M:%S} UTC",
            field="expires_at",
        )
