"""Pseudonyms of persons, by a key for each person: once it is destroyed, nobody can say whose one is.

A pseudonym is an HMAC (RFC 2104) with SHA-256 of tenant and user. Without its key not even a guess at
the user can be tried.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, select

from vital_shared.store.audit_table import person_keys
from vital_shared.store.tables import owner
from vital_shared.store.upsert import upsert

__all__ = ["destroy_key", "find_pseudonym", "pseudonym_of"]

KEY_BYTES: Final = 32
PSEUDONYM_CHARACTERS: Final = 32


def pseudonym_of(connection: Connection, tenant_id: str | None, user_id: str) -> str:
    """Return a person's pseudonym; the first time, its key is made."""
    key = secrets.token_bytes(KEY_BYTES)
    row = {
        "tenant_id": owner(tenant_id),
        "user_id": user_id,
        "key": key,
        "pseudonym": _pseudonym(key, tenant_id, user_id),
    }
    statement = upsert(person_keys, connection.dialect.name).values(row)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["tenant_id", "user_id"]))
    pseudonym = find_pseudonym(connection, tenant_id, user_id)
    if pseudonym is None:  # deleted between the two statements, by an erasure
        return str(row["pseudonym"])
    return pseudonym


def find_pseudonym(connection: Connection, tenant_id: str | None, user_id: str) -> str | None:
    """Return a person's pseudonym; None: there is none yet, or its key was destroyed."""
    found = select(person_keys.c.pseudonym).where(*_is(tenant_id, user_id))
    pseudonym: str | None = connection.execute(found).scalar()
    return pseudonym


def destroy_key(connection: Connection, tenant_id: str | None, user_id: str) -> None:
    """Destroy the key of a person's pseudonym."""
    connection.execute(delete(person_keys).where(*_is(tenant_id, user_id)))


def _is(tenant_id: str | None, user_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return person_keys.c.tenant_id == owner(tenant_id), person_keys.c.user_id == user_id


def _pseudonym(key: bytes, tenant_id: str | None, user_id: str) -> str:
    text = f"{owner(tenant_id)}\0{user_id}".encode()
    return f"person_{hmac.digest(key, text, 'sha256').hex()[:PSEUDONYM_CHARACTERS]}"
