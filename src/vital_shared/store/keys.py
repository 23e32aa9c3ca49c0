"""API keys: made, listed, rotated, revoked and verified."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, get_args

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, RowMapping, delete, exists, insert, or_, select, update

from vital_shared.errors import Conflict, InvalidRequest, NotFound
from vital_shared.models.api_key import ApiKey, Scope
from vital_shared.models.audit import AuditAction
from vital_shared.models.workflow_io import Id
from vital_shared.store.account_tables import api_keys
from vital_shared.store.audit import AuditedChange, add_entry
from vital_shared.store.database import Database
from vital_shared.store.key_token import KeyToken
from vital_shared.store.tables import owner

__all__ = ["KeyStore", "NewKey", "StoredKey", "is_usable", "to_key"]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
MAX_NAME_CHARACTERS: Final = 200

_tenant: Final[TypeAdapter[str | None]] = TypeAdapter(Id | None)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, with its text, which is shown this once and never again."""

    key: ApiKey
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key that can be used, and what its secret is verified with."""

    key: ApiKey
    secret_hash: str = field(repr=False)


class KeyStore:
    """The keys of all tenants; of their secrets it holds hashes only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        *,
        tenant_id: str | None,
        scopes: Collection[str],
        name: str,
        now: datetime,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """Make a key.

        :param tenant_id: its owner; None: for all tenants.
        :param expires_at: the moment from which it is refused; None: never.
        :raises InvalidRequest: when it has no scope or an unknown one, the tenant or the name cannot be, or
            it would have expired already.
        """
        token = KeyToken.make()
        key = ApiKey(
            id=token.id,
            tenant_id=_checked_tenant(tenant_id),
            name=_checked_name(name),
            scopes=_checked_scopes(scopes),
            created_at=now,
            expires_at=_checked_expiry(expires_at, now),
        )
        row = key.model_dump() | {
            "tenant_id": owner(tenant_id),
            "scopes": " ".join(key.scopes),
            "secret_hash": token.secret_hash,
        }
        async with self._database.begin() as connection:
            await connection.execute(insert(api_keys), row)
            await connection.run_sync(add_entry, _change("key_created", key, now))
        return NewKey(key, token.text)

    async def list(self, *, tenant_id: str | None = None) -> tuple[ApiKey, ...]:
        """Return the keys, the oldest first; revoked ones too.

        :param tenant_id: only this tenant's own; None: all of all.
        """
        statement = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        if tenant_id is not None:
            statement = statement.where(api_keys.c.tenant_id == owner(tenant_id))
        async with self._database.connect() as connection:
            rows = (await connection.execute(statement)).mappings()
            return tuple(to_key(row) for row in rows)

    async def rotate(self, key_id: str, *, overlap: timedelta, now: datetime) -> NewKey:
        """Make a key with the tenant, scopes, name and lifetime of another, which expires after the overlap.

        Where the other expires before the overlap ends, that stays.

        :raises InvalidRequest: when the overlap is negative.
        :raises NotFound: when there is no such key.
        :raises Conflict: when it was revoked or has expired.
        """
        if overlap < timedelta(0):
            raise InvalidRequest("overlap has to be 0 seconds or more", field="overlap")
        is_old = api_keys.c.id == key_id
        token = KeyToken.make()
        async with self._database.begin() as connection:
            found = await connection.execute(select(api_keys).where(is_old).with_for_update())
            row = _rotatable(found.mappings().first(), now)
            successor = dict(row) | {
                "id": token.id,
                "secret_hash": token.secret_hash,
                "created_at": now,
                "expires_at": row["expires_at"] and now + (row["expires_at"] - row["created_at"]),
            }
            await connection.execute(insert(api_keys), successor)
            ends_at = min(now + overlap, row["expires_at"] or now + overlap)
            await connection.execute(update(api_keys).where(is_old).values(expires_at=ends_at))
            added = await connection.execute(select(api_keys).where(api_keys.c.id == token.id))
            key = to_key(added.mappings().one())
            await connection.run_sync(add_entry, _change("key_rotated", key, now, replaces=key_id))
            return NewKey(key, token.text)

    async def revoke(self, key_id: str, *, now: datetime, tenant_id: str | None = None) -> ApiKey:
        """Make a key useless for good, and return it; of one that was revoked before, the date stays.

        :param tenant_id: only one of this tenant's own; None: any.
        :raises NotFound: when there is none.
        """
        is_meant = api_keys.c.id == key_id
        if tenant_id is not None:
            is_meant &= api_keys.c.tenant_id == owner(tenant_id)
        revoking = update(api_keys).where(is_meant, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
        async with self._database.begin() as connection:
            is_new = (await connection.execute(revoking)).rowcount > 0
            row = (await connection.execute(select(api_keys).where(is_meant))).mappings().first()
            if row is None:
                raise _no_such_key()
            if is_new:
                await connection.run_sync(add_entry, _change("key_revoked", to_key(row), now))
        return to_key(row)

    async def find(self, key_id: str) -> StoredKey | None:
        """Return a key that was not revoked, or None; its secret and its expiry are still to be verified."""
        statement = select(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        async with self._database.connect() as connection:
            row = (await connection.execute(statement)).mappings().first()
        return None if row is None else StoredKey(to_key(row), row["secret_hash"])

    async def verify(self, text: str, *, now: datetime) -> ApiKey | None:
        """Return the key that a text is, where it can be used."""
        token = KeyToken.parse(text)
        if token is None:
            return None
        stored = await self.find(token.id)
        if stored is None or not token.fits(stored.secret_hash) or stored.key.has_expired(now):
            return None
        return stored.key

    async def any_active(self, *, now: datetime) -> bool:
        """Return whether there is a key that can be used."""
        statement = select(exists().where(is_usable(now)))
        async with self._database.connect() as connection:
            return bool((await connection.execute(statement)).scalar_one())

    async def any_made(self) -> bool:
        """Return whether there is a key, a useless one included: then nobody is let in without one."""
        async with self._database.connect() as connection:
            return bool((await connection.execute(select(exists(select(api_keys.c.id))))).scalar_one())

    async def forget_useless(self, *, now: datetime) -> int:
        """Delete all keys, which have to be revoked or expired: no key is needed from then on.

        Returns their number.

        :raises Conflict: when one of them can be used.
        """
        active = select(api_keys.c.id).where(is_usable(now)).alias()
        statement = delete(api_keys).where(~exists(select(active.c.id))).returning(*api_keys.c)
        async with self._database.begin() as connection:
            keys = [to_key(row) for row in (await connection.execute(statement)).mappings()]
            for key in keys:
                await connection.run_sync(add_entry, _change("key_deleted", key, now))
        forgotten = len(keys)
        if not forgotten and await self.any_active(now=now):
            raise Conflict(
                "There are keys that can be used: revoke them first; `vital keys list` shows them", field="id"
            )
        return forgotten


def is_usable(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a key was not revoked and has not expired."""
    is_unexpired = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)
    return api_keys.c.revoked_at.is_(None) & is_unexpired


def _change(action: AuditAction, key: ApiKey, now: datetime, **details: str) -> AuditedChange:
    return AuditedChange(action, key.id, key.tenant_id, now, details={"scopes": key.scopes, **details})


def _no_such_key() -> NotFound:
    return NotFound("There is no key with this id: `vital keys list` shows their ids", field="id")


def _rotatable(row: RowMapping | None, now: datetime) -> RowMapping:
    if row is None:
        raise _no_such_key()
    if row["revoked_at"] is not None or to_key(row).has_expired(now):
        raise Conflict(
            "The key was revoked or has expired, so it cannot be rotated: make another with "
            "`vital keys create`",
            field="id",
        )
    return row


def _checked_expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest("expires_at has to be later than now", field="expires_at")
    return expires_at


def _checked_tenant(tenant_id: str | None) -> str | None:
    try:
        return _tenant.validate_python(tenant_id)
    except ValidationError as error:
        raise InvalidRequest(
            "tenant_id has to be 1 to 128 letters, digits and _ . : @ -", field="tenant_id"
        ) from error


def _checked_name(name: str) -> str:
    if len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        raise InvalidRequest(
            f"name has to have at most {MAX_NAME_CHARACTERS} characters, none of them invisible", field="name"
        )
    return name


def _checked_scopes(scopes: Collection[str]) -> tuple[Scope, ...]:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidRequest(
            f"scopes has to have some of {', '.join(SCOPES)}, and nothing else", field="scopes"
        )
    return tuple(scope for scope in SCOPES if scope in scopes)


def to_key(row: RowMapping) -> ApiKey:
    """Return the key that a row holds."""
    return ApiKey(
        id=row["id"],
        tenant_id=row["tenant_id"] or None,
        name=row["name"],
        # A scope that this version does not know allows nothing in it.
        scopes=tuple(scope for scope in SCOPES if scope in row["scopes"].split()),
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
        expires_at=row["expires_at"],
    )
