"""A file of the runs that a process works on and of what they have cost, which outlives the process.

A line is written before a run is stored, when a call of a model goes out (as the charge that it is expected
to be), when a charge is known, and when the run has ended; nothing is brought to the disk itself, for the
kernel keeps what a process wrote, however that process ends. When it has died, another reads its file: so its
open runs are ended at once, and each call that went out is paid for.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Final, NamedTuple

from pydantic import ValidationError

from vital_shared.logs import get_logger
from vital_shared.models.base import Frozen
from vital_shared.models.charge import Charge
from vital_shared.monitoring.metrics import LOCAL_WRITE_FAILURES_TOTAL
from vital_shared.store.locked_files import abandoned_files, create_locked_file
from vital_shared.store.settlement import Settlement

__all__ = ["JOURNAL_BYTES", "Journal", "OpenRun"]

logger = get_logger(__name__)

JOURNAL_BYTES: Final = 16_000_000
"""The size at which what is over is left out of the file."""


class JournalLine(Frozen):
    """One line of the file; one of the other fields is there beside the run."""

    run_id: str
    deadline_at: datetime | None = None
    """The run begins, or goes on; it is over by then."""
    charge: Charge | None = None
    """A line in the place of an earlier one with the same item: the call has ended, or gone on."""
    owed: Settlement | None = None
    """The run has ended, and the store has not taken its end yet."""
    is_over: bool = False


class OpenRun(NamedTuple):
    """A run that a process had not brought to its end when it died."""

    run_id: str
    deadline_at: datetime
    charges: tuple[Charge, ...]
    owed: Settlement | None
    """Its end, where that was waiting for the store."""


class Journal:
    """The files of one data folder; safe from any thread.

    :param folder: the folder of the files; it is made with the first run. None: nothing is written down.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._file: IO[str] | None = None
        self._lines: dict[str, list[str]] = {}
        """The lines of each open run, by its id."""
        self._deadlines: dict[str, datetime] = {}
        self._written = 0
        self._longest = JOURNAL_BYTES
        self._is_broken = False
        self._lock = threading.Lock()

    def begin(self, run_id: str, deadline_at: datetime) -> None:
        """Note that this process works on a run from now on."""
        with self._lock:
            self._lines[run_id] = []
            self._deadlines[run_id] = deadline_at
            self._add(run_id, f'"deadline_at":"{deadline_at.isoformat()}"')

    def note(self, run_id: str, charge: Charge) -> None:
        """Note what something in a run has cost, or is expected to."""
        with self._lock:
            if run_id in self._lines:
                self._add(run_id, f'"charge":{charge.to_json()}')

    def owe(self, owed: Settlement) -> None:
        """Note an end that the store has not taken yet."""
        with self._lock:
            if owed.end is not None and owed.run_id in self._lines:
                text = owed.model_dump_json(exclude_defaults=True, warnings=False, fallback=repr)
                self._add(owed.run_id, f'"owed":{text}')

    def end(self, run_id: str) -> None:
        """Note that a run has ended or paused, in the store too."""
        with self._lock:
            if self._lines.pop(run_id, None) is None:
                return
            del self._deadlines[run_id]
            # With the next line: what is in the store is not entered again, should it be lost.
            self._write(_line(run_id, '"is_over":true'), flushes=False)

    def forget_overdue(self, now: datetime) -> None:
        """Leave runs alone that cost nothing and are over by their deadline: the store has ended them."""
        with self._lock:
            for run_id, lines in list(self._lines.items()):
                if len(lines) == 1 and self._deadlines[run_id] <= now:
                    del self._lines[run_id], self._deadlines[run_id]

    def read_abandoned(self) -> Iterator[tuple[Path, tuple[OpenRun, ...]]]:
        """Read the files that no living process holds; each stays locked until the next is read.

        A file has to be removed by the caller, once all of it is in the store.
        """
        if self._folder is not None:
            for path, file in abandoned_files(self._folder):
                yield path, tuple(_open_runs(path, file))

    def rewrite(self) -> None:
        """Leave what is over out of the file."""
        with self._lock:
            if self._folder is not None and self._file is not None:
                self._begin_anew(self._folder)

    def close(self) -> None:
        """Let go of the file, and remove it where all runs have ended."""
        with self._lock:
            if self._is_broken and self._lines:
                self._write("")  # the last chance: nothing of it is lost where the disk has room again
            if self._file is None or self._path is None:
                return
            if not self._lines:
                self._path.unlink(missing_ok=True)
            try:
                self._file.close()
            except OSError:  # what the disk has not taken before: the log has said so
                LOCAL_WRITE_FAILURES_TOTAL.labels("journal").inc()
                logger.warning("journal_not_whole", runs=len(self._lines))
            self._file = self._path = None

    def _add(self, run_id: str, field: str) -> None:
        text = _line(run_id, field)
        self._lines[run_id].append(text)
        self._write(text)

    def _write(self, text: str, *, flushes: bool = True) -> None:
        if self._folder is None:
            return
        try:
            if self._file is None or self._is_broken or self._written > self._longest:
                self._begin_anew(self._folder)
            else:
                self._file.write(text)
                if flushes:
                    self._file.flush()
                self._written += len(text)
            self._is_broken = False
        except OSError:  # the disk is full: all that counts is in memory, and written when it takes it
            LOCAL_WRITE_FAILURES_TOTAL.labels("journal").inc()
            if not self._is_broken:
                logger.exception("journal_not_written")
            self._is_broken = True

    def _begin_anew(self, folder: Path) -> None:
        """Write what is open into a new file, and remove the old one."""
        path, file = create_locked_file(folder)
        try:
            text = "".join(line for lines in self._lines.values() for line in lines)
            file.write(text)
            file.flush()
        except OSError:
            path.unlink()
            file.close()
            raise
        old_path, old_file = self._path, self._file
        self._path, self._file, self._written = path, file, len(text)
        self._longest = max(JOURNAL_BYTES, 2 * len(text))
        if old_path is not None and old_file is not None:
            old_path.unlink(missing_ok=True)
            old_file.close()


def _line(run_id: str, field: str) -> str:
    """Write a `JournalLine`, without making one: a run has four."""
    return f'{{"run_id":{json.dumps(run_id)},{field}}}\n'


def _open_runs(path: Path, lines: Iterable[str]) -> Iterator[OpenRun]:
    found: dict[str, list[JournalLine]] = {}
    for number, text in enumerate(lines, 1):
        try:
            line = JournalLine.model_validate_json(text)
        except ValidationError:  # torn: the process died, or the disk was full, while it was written
            logger.warning("journal_line_unreadable", path=str(path), line=number)
            continue
        if line.is_over:
            found.pop(line.run_id, None)
        elif line.deadline_at is not None:
            found[line.run_id] = [line]
        elif line.run_id in found:
            found[line.run_id].append(line)
    for run_id, about in found.items():
        if (deadline_at := about[0].deadline_at) is not None:
            charges = {line.charge.item: line.charge for line in about if line.charge is not None}
            owed = next((line.owed for line in reversed(about) if line.owed is not None), None)
            yield OpenRun(run_id, deadline_at, tuple(charges.values()), owed)
