"""Sessions of the console: each stands for the key that began it, and is kept as a hash."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from vital_shared.models.api_key import ApiKey
from vital_shared.store.account_tables import api_keys
from vital_shared.store.console_session_table import console_sessions
from vital_shared.store.database import Database
from vital_shared.store.keys import is_usable, to_key

__all__ = ["SESSION_LIFETIME", "ConsoleSessionStore", "NewSession"]

SESSION_LIFETIME: Final = timedelta(hours=12)

TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just begun, with its token, which only the browser keeps."""

    token: str = field(repr=False)
    expires_at: datetime


class ConsoleSessionStore:
    """The sessions of all keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, key_id: str, *, now: datetime) -> NewSession:
        """Begin a session for a key, and forget those that have expired."""
        new = NewSession(secrets.token_urlsafe(TOKEN_BYTES), now + SESSION_LIFETIME)
        row = {"token_hash": _hash(new.token), "key_id": key_id, "expires_at": new.expires_at}

        def write(connection: Connection) -> None:
            connection.execute(delete(console_sessions).where(console_sessions.c.expires_at <= now))
            connection.execute(insert(console_sessions), row)

        async with self._database.begin() as connection:
            await connection.run_sync(write)
        return new

    async def find(self, token: str, *, now: datetime) -> ApiKey | None:
        """Return the key of a session; None where it or its key has expired or ended."""
        statement = (
            select(api_keys)
            .join(console_sessions, console_sessions.c.key_id == api_keys.c.id)
            .where(
                console_sessions.c.token_hash == _hash(token),
                console_sessions.c.expires_at > now,
                is_usable(now),
            )
        )
        async with self._database.connect() as connection:
            row = (await connection.execute(statement)).mappings().first()
        return None if row is None else to_key(row)

    async def end(self, token: str) -> None:
        """End a session, if there is such a one."""
        async with self._database.begin() as connection:
            await connection.execute(
                delete(console_sessions).where(console_sessions.c.token_hash == _hash(token))
            )


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
