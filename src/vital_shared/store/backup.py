"""Backup and restoration of a SQLite store. All of it blocks: run it in a thread.

A backup is made by SQLite's online backup in one step, from one state of the file, while others use it:
https://www.sqlite.org/backup.html
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from vital_shared.errors import Conflict, StoreError
from vital_shared.store.migrations.history import steps_after

__all__ = ["VERSION_STEP", "BackupFacts", "back_up", "check_unused", "restore", "verify"]

VERSION_STEP: Final = 1_000_000
"""The documents' version grows by this with a restoration: no cached answer was made from a later one."""

QUEUE_SUFFIX: Final = "-queue.db"
SIDE_FILES: Final = ("-wal", "-shm", "-journal")


class BackupFacts(NamedTuple):
    """The contents of a backup."""

    path: Path
    bytes: int
    schema: str
    runs: int
    documents: int


def back_up(source: Path, target: Path) -> BackupFacts:
    """Copy a store that may be in use into a new file that only its owner may read, and verify the copy.

    :raises Conflict: when the target is there.
    :raises StoreError: when the store is missing or cannot be read, the target cannot be written, or the copy
        is not whole.
    """
    taken = Conflict(f"{target} already exists: name a new file", field="file")
    if target.exists():
        raise taken
    if not source.exists():
        raise StoreError(
            f"There is no store at {source}: set VITAL_DATA_DIR to the folder of the one to copy"
        )
    with _drafted(target) as draft:
        _copy(source, draft)
        facts = verify(draft)
        _bring_to_disk(draft)
        try:
            os.link(draft, target)  # overwrites nothing
        except FileExistsError:
            raise taken from None
    return facts._replace(path=target)


def verify(path: Path) -> BackupFacts:
    """See that a file is a whole store that this program can use.

    :raises StoreError: when it is not.
    """
    with _plain_errors(path), _opened(path, "ro") as store:
        problems = [row[0] for row in store.execute("PRAGMA integrity_check(1)") if row[0] != "ok"]
        if problems or store.execute("PRAGMA foreign_key_check").fetchone():
            problem = problems[0] if problems else "a reference leads nowhere"
            raise StoreError(f"{path} is damaged ({problem}): take another backup")
        (schema,) = store.execute("SELECT version_num FROM alembic_version").fetchone()
        steps_after(schema)  # raises where this program does not know it
        (runs,) = store.execute("SELECT count(*) FROM runs").fetchone()
        (documents,) = store.execute("SELECT count(*) FROM documents").fetchone()
    return BackupFacts(path, path.stat().st_size, schema, runs, documents)


def restore(backup: Path, target: Path, now: datetime) -> tuple[BackupFacts, Path | None]:
    """Put a backup in the place of a store that no process uses, and return where the store was moved to.

    :returns: the contents of the backup; and the earlier store, None where there was none.
    :raises Conflict: when a process uses the store.
    :raises StoreError: when the backup is not whole, or the store cannot be written.
    """
    facts = verify(backup)
    with _drafted(target) as draft:
        _copy(backup, draft, change=_make_distinct)
        verify(draft)
        _bring_to_disk(draft)
        earlier = _move_aside(target, now)
        draft.replace(target)
    return facts, earlier


@contextmanager
def _drafted(target: Path) -> Iterator[Path]:
    """Make an empty file beside the target that only its owner may read, and delete it in the end.

    :raises StoreError: when the target's folder, or its disk, takes no file.
    """
    draft = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.touch(mode=0o600)
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror or error}") from error


def _copy(
    source: Path, draft: Path, *, change: Callable[[sqlite3.Connection], None] = lambda _: None
) -> None:
    """Copy a store into a draft, as one file without a log beside it."""
    with _plain_errors(source), _opened(source, "ro") as store, closing(sqlite3.connect(draft)) as copy:
        try:
            store.backup(copy)
            change(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            raise StoreError(f"The disk of {draft.parent} is full: make room, and try again") from error


def _make_distinct(store: sqlite3.Connection) -> None:
    """Let indexes and caches that were made from a later state of the same store be made anew."""
    with store:
        store.execute(
            "UPDATE knowledge_version SET lineage = ?, version = version + ?", (uuid4().hex, VERSION_STEP)
        )


def _move_aside(target: Path, now: datetime) -> Path | None:
    """Move a store, its log and its queue out of the way; None: there is no store, or no more than its log.

    SQLite takes a log for one of whatever store it stands beside, and would write it into the restored one:
    https://www.sqlite.org/howtocorrupt.html, section 1.4.

    :raises Conflict: when a process uses it.
    """
    is_there = target.exists()
    if is_there:
        check_unused(target)
    earlier = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%S}-{uuid4().hex[:4]}")
    queue = target.with_name(target.stem + QUEUE_SUFFIX)  # its items would be taken for done
    for path, aside in ((target, earlier), (queue, earlier.with_name(earlier.name + QUEUE_SUFFIX))):
        for suffix in ("", *SIDE_FILES):
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.replace(aside.with_name(aside.name + suffix))
    return earlier if is_there else None


def check_unused(target: Path) -> None:
    """See that no process uses a store, and write its log into it.

    :raises Conflict: when one does.
    """
    with closing(sqlite3.connect(target, timeout=0, isolation_level=None)) as store:
        try:
            mode = store.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        except sqlite3.OperationalError:
            mode = "in use"
        except sqlite3.DatabaseError:
            mode = "delete"  # it is damaged: that is why it is replaced
    if mode != "delete":
        raise Conflict(f"Another program uses {target}: stop the engine first", field="file")


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise StoreError(f"There is no file {path}: check its name")
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)) as connection:
        yield connection


@contextmanager
def _plain_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, TypeError) as error:  # TypeError: a table that has to have a row has none
        raise StoreError(f"{path} cannot be used as a store of VITAL: {error}") from error


def _bring_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
