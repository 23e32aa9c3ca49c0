"""A file with the events of the durable runs that this process works on, for the process that comes after it.

It holds the events as server-sent events have them, one after the other, each run's in their order. They are
written once for each turn of the event loop; nothing is brought to the disk itself, for the kernel keeps what
a process wrote, however that process ends. See `LeftEvents` for the other side.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Final

from vital_shared.events.takeover_marks import TakeoverMarks
from vital_shared.events.written_log import WrittenLog
from vital_shared.logs import get_logger
from vital_shared.store.locked_files import create_locked_file

__all__ = ["SUFFIX", "EventFile"]

logger = get_logger(__name__)

SUFFIX: Final = ".events"

FILE_BYTES: Final = 4_000_000
"""The size at which what is over is left out of the file."""

RETRY_SECONDS: Final = 1.0
"""The time between two tries to write where the disk does not take it."""


class EventFile:
    """The file of one process.

    :param folder: it is made with the first event.
    :param logs: returns the logs that are open, or may still be read.
    """

    def __init__(self, folder: Path, logs: Callable[[], Iterable[WrittenLog]]) -> None:
        self.is_away = False
        """Whether the disk does not take what is written."""
        self._folder = folder
        self._marks = TakeoverMarks(folder)
        self._logs = logs
        self._path: Path | None = None
        self._file: IO[str] | None = None
        self._noted: list[WrittenLog] = []
        self._size = 0
        self._largest = FILE_BYTES

    def note(self, log: WrittenLog) -> None:
        """Note that a log has something new, which is written in the next turn of the event loop."""
        log.is_noted = True
        if not self._noted:
            loop = asyncio.get_running_loop()
            if self.is_away:
                loop.call_later(RETRY_SECONDS, self.flush)
            else:
                loop.call_soon(self.flush)
        self._noted.append(log)

    def flush(self) -> None:
        """Write what is noted now, and let readers have it; what fails is written again later."""
        logs, self._noted = [log for log in self._noted if not log.is_superseded], []
        for log in logs:
            log.is_noted = False
        try:
            if logs:
                self._write(logs)
        except OSError:
            if not self.is_away:
                logger.exception("events_not_written")
            self.is_away = True
            for log in logs:
                log.release_unwritten()
                self.note(log)
        else:
            self.is_away = False

    def _write(self, logs: list[WrittenLog]) -> None:
        """Append what is new, or begin a new file.

        :raises OSError: when the disk does not take it.
        """
        if self._file is None or self.is_away or self._size > self._largest:
            self._begin_anew()
        else:
            self._append(self._file, logs)
            self._release(logs)

    def _release(self, logs: Iterable[WrittenLog]) -> None:
        """Let readers have what was written of the runs that are this process's still."""
        for log in logs:
            if self._marks.is_stale(log.run_id, log.epoch):
                logger.warning("event_log_superseded", run_id=log.run_id)
                log.supersede()
            else:
                log.written(log.last_seq)

    def _append(self, file: IO[str], logs: Iterable[WrittenLog]) -> None:
        data = b"".join(frames for log in logs for frames in _unwritten(log))
        if os.write(file.fileno(), data) < len(data):
            raise OSError("The disk took a part of the events.")
        self._size += len(data)

    def _begin_anew(self) -> None:
        """Write all that may still be read into a new file, and remove the old one."""
        path, file = create_locked_file(self._folder, SUFFIX)
        logs, size = list(self._logs()), self._size
        places = [log.written_seq for log in logs]
        self._size = 0
        try:
            for log in logs:
                log.written_seq = 0
            self._append(file, logs)
        except OSError:
            for log, place in zip(logs, places, strict=True):
                log.written_seq = place
            self._size = size
            path.unlink()
            file.close()
            raise
        old_path, old_file = self._path, self._file
        self._path, self._file = path, file
        self._largest = max(FILE_BYTES, 2 * self._size)
        self._release(logs)
        if old_path is not None and old_file is not None:
            old_path.unlink(missing_ok=True)
            old_file.close()

    def rewrite(self) -> None:
        """Leave what nobody can read any more out of the file.

        :raises OSError: when the disk does not take it.
        """
        if self._file is not None and self._size:
            if next(iter(self._logs()), None) is None:
                self._empty(self._file)
            else:
                self._begin_anew()

    def drop_ended(self) -> None:
        """Empty the file where nothing of it is needed any more."""
        if self._file is not None and self._size and next(iter(self._logs()), None) is None:
            self._empty(self._file)

    def _empty(self, file: IO[str]) -> None:
        os.ftruncate(file.fileno(), 0)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        self._size = 0

    def close(self) -> None:
        """Let go of the file, and remove it where all runs have ended; one that waits may be resumed."""
        self.flush()
        if self._file is None or self._path is None:
            return
        if all(log.state == "ended" for log in self._logs()):
            self._path.unlink(missing_ok=True)
        self._file.close()
        self._file = self._path = None


def _unwritten(log: WrittenLog) -> Iterable[bytes]:
    """Return what is not written yet, in pieces."""
    place = log.written_seq
    while place < log.last_seq:
        frames, place = log.piece(place, log.last_seq)
        yield frames
