"""`vital up`: a stack that knows where notifications go, and has a key where the engine asks for one."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from vital_ops.stack.own_key import OwnKey
from vital_ops.stack.stack import Stack, run_stack
from vital_ops.stack.supervise import Say
from vital_shared.errors import ConfigurationError
from vital_shared.store.database import Database
from vital_shared.store.keys import KeyStore

__all__ = ["KEY_FILE", "locked", "up"]

KEY_FILE = "engine.key"


async def up(stack: Stack, database_url: str, on_ready: Callable[[], None], say: Say) -> None:
    """Run a stack until this is cancelled, with a key of its own where the engine asks for keys.

    :param database_url: the address of the engine's store.
    :param on_ready: called once, when all of it serves.
    :raises ConfigurationError: when a program is missing or a port is taken.
    :raises ChildFailed: when a program does not start, or does not keep running.
    :raises StoreError: when the database is not there.
    """
    async with _key(database_url, stack.key_file) as key:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(key.watch())
                tasks.create_task(run_stack(stack, on_ready, say))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None


@asynccontextmanager
async def _key(database_url: str, file: Path) -> AsyncIterator[OwnKey]:
    database = Database(database_url)
    try:
        await database.migrate()
        key = OwnKey(KeyStore(database), file)
        await key.open()
        try:
            yield key
        finally:
            await key.revoke()
    finally:
        await database.aclose()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder to ourselves; it is made, for nobody else to read.

    :raises ConfigurationError: when another stack uses it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"Another `vital up` uses {folder}: stop it, or set VITAL_DATA_DIR to another folder."
            ) from error
        yield
