"""Files of which each belongs to one process while it lives, and to whichever asks first afterwards.

Each process appends to a file of its own, one value as JSON on each line, and holds a lock on it (flock(2)),
which the kernel lets go of with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from vital_shared.logs import get_logger

__all__ = ["abandoned_files", "append_whole", "create_locked_file"]

logger = get_logger(__name__)


def create_locked_file(folder: Path, suffix: str = ".jsonl") -> tuple[Path, IO[str]]:
    """Make a file of this process's own, which only its owner may read: answers may stand in it.

    :param suffix: the end of its name.
    :raises OSError: when the disk does not take it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}-{secrets.token_hex(8)}{suffix}"
    unnamed = path.with_suffix(".new")  # until it is locked, nobody may find it and take it for abandoned
    file = open(unnamed, "x", encoding="utf-8", opener=_private)  # noqa: SIM115 - a Path has no opener
    _lock(file)
    unnamed.rename(path)
    return path, file


def append_whole(file: IO[str], text: str) -> None:
    """Append a text to an own file past its buffer, or leave the file as it was.

    So nothing waits in a buffer that a later write, or the file's end, would fail on.

    :raises OSError: when the disk does not take all of it.
    """
    number, left = file.fileno(), memoryview(text.encode())
    size = os.fstat(number).st_size
    try:
        while left:
            left = left[os.write(number, left) :]
    except OSError:
        os.ftruncate(number, size)
        os.lseek(number, size, os.SEEK_SET)
        raise


def abandoned_files(folder: Path, suffix: str = ".jsonl") -> Iterator[tuple[Path, IO[str]]]:
    """Open the files that no living process holds; each stays locked until the next is opened.

    A file has to be removed by the caller, once it is of no more use.

    :param suffix: the end of their names.
    """
    for path in sorted(folder.glob(f"*{suffix}")):
        try:
            file = path.open(encoding="utf-8")
        except OSError:  # of another user, or removed by another process just now
            logger.warning("locked_file_not_readable", path=str(path), exc_info=True)
            continue
        with file:
            if _lock(file) and os.fstat(file.fileno()).st_nlink:  # 0: another process has removed it
                yield path, file


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: better left to people than read by two at once
        logger.warning("file_not_locked", exc_info=True)
        return False
    return True
