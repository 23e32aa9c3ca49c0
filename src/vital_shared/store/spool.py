"""Files of what the store could not take before the process ended; the next start enters them.

Each process appends to a file of its own, one value as JSON on each line, and holds a lock on it while it
lives (flock(2)), so that no other process takes what is still in use.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from vital_shared.logs import get_logger
from vital_shared.store.owed import Owed

__all__ = ["Spool"]

logger = get_logger(__name__)


class Spool:
    """The files of one data folder. All of it blocks: long calls belong into a thread.

    :param folder: where the files are; it is made with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: IO[str] | None = None

    def append(self, owed: Iterable[Owed]) -> None:
        """Keep values in the own file; `close` brings them to the disk itself.

        :raises OSError: when the disk does not take them.
        """
        if self._own is None:
            self._own = self._create()
        self._own.writelines(f"{each.to_json()}\n" for each in owed)
        self._own.flush()

    def read_abandoned(self) -> Iterator[tuple[Path, tuple[Owed, ...]]]:
        """Read the files that no living process holds; each stays locked until the next is read.

        A file has to be removed by the caller, once all of it is in the store.
        """
        for path in sorted(self._folder.glob("*.jsonl")):
            try:
                file = path.open(encoding="utf-8")
            except OSError:  # of another user, or entered by another process just now
                logger.warning("spool_not_readable", path=str(path), exc_info=True)
                continue
            with file:
                if _lock(file) and os.fstat(file.fileno()).st_nlink:  # 0: another process has entered it
                    yield path, tuple(_read(path, file))

    def close(self) -> None:
        """Let go of the own file, for the next start."""
        if self._own is not None:
            os.fsync(self._own.fileno())
            self._own.close()
            self._own = None

    def _create(self) -> IO[str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(8)}.jsonl"
        file = open(path, "x", encoding="utf-8", opener=_private)  # noqa: SIM115 - a Path has no opener
        _lock(file)
        return file


def _private(path: str, flags: int) -> int:
    """Open a file for its owner alone: answers stand in it."""
    return os.open(path, flags, 0o600)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: better left to people than entered by two at once
        logger.warning("spool_not_locked", exc_info=True)
        return False
    return True


def _read(path: Path, lines: Iterable[str]) -> Iterator[Owed]:
    for number, line in enumerate(lines, 1):
        try:
            yield Owed.model_validate_json(line)
        except ValidationError:  # torn: the process died while it wrote the line
            logger.exception("spool_line_unreadable", path=str(path), line=number, text=line)
