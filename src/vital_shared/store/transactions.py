"""Transactions that wait for their turn, and can be cancelled while they do."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["blocking_transaction", "transaction"]


@asynccontextmanager
async def transaction(connection: AsyncConnection, *, lock_seconds: float) -> AsyncIterator[None]:
    """Run a transaction: committed at the end, rolled back by an exception.

    :param lock_seconds: time that writers of other processes may keep us from a SQLite file.

    SQLite itself waits for its lock only a moment at a time, since it does so in a thread, which
    nobody can cancel.
    """
    give_up_at = time.monotonic() + lock_seconds
    async with AsyncExitStack() as stack:
        while True:
            try:
                await stack.enter_async_context(connection.begin())
                break
            except OperationalError as error:
                if not _is_busy(error) or time.monotonic() > give_up_at:
                    raise
        yield


@contextmanager
def blocking_transaction(connection: Connection, *, lock_seconds: float) -> Iterator[None]:
    """Run a transaction as `transaction` does, in a thread."""
    give_up_at = time.monotonic() + lock_seconds
    while True:
        try:
            begun = connection.begin()
            break
        except OperationalError as error:
            if not _is_busy(error) or time.monotonic() > give_up_at:
                raise
    with begun:
        yield


def _is_busy(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
