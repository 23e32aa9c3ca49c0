"""The events of durable runs that other processes of this machine have left in their files."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vital_shared.events.event_file import SUFFIX
from vital_shared.events.takeover_marks import TakeoverMarks
from vital_shared.models.event import ENDS
from vital_shared.store.locked_files import abandoned_files

__all__ = ["LeftEvents"]

_FRAME: Final = re.compile(
    rb"id: (?P<seq>\d+)\nevent: (?P<type>\w+)\n"
    rb'data: \{"run_id":"(?P<run>[^"\\]+)","seq":\d+,"epoch":(?P<epoch>\d+)[^\n]*\n\n'
)
"""An event as it is encoded; one at the end that its process has not written whole is left out."""

ENDED_SECONDS: Final = 300.0
"""The time for which a dead process's file is kept for readers that are behind, once its runs have ended."""

_Version = tuple[int, int]


@dataclass(slots=True)
class _RunFrames:
    """The places of a run's events in a file."""

    last: tuple[int, int] = (0, 0)
    """The epoch and the number of the last one."""
    has_ended: bool = False
    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, frame: re.Match[bytes]) -> None:
        """Add the next one."""
        self.last = (int(frame["epoch"]), int(frame["seq"]))
        self.has_ended = frame["type"].decode() in ENDS
        start, end = frame.span()
        if self.spans and self.spans[-1][1] == start:
            start, _ = self.spans.pop()
        self.spans.append((start, end))


class LeftEvents:
    """The files of the processes that were here before, from which a run's new owner takes its events.

    :param folder: the folder of all processes' files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._marks = TakeoverMarks(folder)
        self._indexes: dict[Path, tuple[_Version, dict[str, _RunFrames]]] = {}

    def take(self, run_id: str, epoch: int) -> bytes:
        """Return the events of a run from the file that has the most of it; empty where no file has any.

        Owners of earlier epochs write no more from now on.

        :raises OSError: when the files cannot be read.
        :raises StaleWriter: when the run has a later epoch.
        """
        self._marks.put(run_id, epoch)
        found = self._most_of(run_id)
        return b"" if found is None else _frames(*found)

    def read(self, run_id: str, epoch: int) -> bytes:
        """Return the events of a run as the owner of an epoch has left them; empty where it has not.

        :raises OSError: when the files cannot be read.
        """
        found = self._most_of(run_id)
        if found is None or found[1].last[0] != epoch:  # a later owner's are not here any more
            return b""
        return _frames(*found)

    def _most_of(self, run_id: str) -> tuple[Path, _RunFrames] | None:
        """Find the file that has the most of a run."""
        indexes = [(path, self._index(path)) for path in self._folder.glob(f"*{SUFFIX}")]
        found = [(path, runs[run_id]) for path, runs in indexes if run_id in runs]
        return max(found, key=lambda each: (each[1].last, each[0]), default=None)

    def unended(self) -> set[str]:
        """Return the runs that others have left, or taken over, and of which no end is known here."""
        left = {run_id for _, runs in self._left() for run_id, run in runs.items() if not run.has_ended}
        return left | self._marks.runs()

    def remove_ended(self, running: Collection[str]) -> None:
        """Remove the files of dead processes without an event of a run that goes on.

        :param running: the runs that do, of `unended`.
        """
        self._marks.remove(self._marks.runs().difference(running))
        for path, runs in self._left():
            if _is_recent(path):
                continue
            if not any(run_id in running and not run.has_ended for run_id, run in runs.items()):
                path.unlink(missing_ok=True)
                self._indexes.pop(path, None)

    def remove_runs(self, run_ids: Collection[str]) -> None:
        """Remove the events of runs from the files of dead processes.

        :raises OSError: when a file cannot be rewritten.
        """
        for path, runs in self._left():
            spans = sorted(span for run_id in run_ids if run_id in runs for span in runs[run_id].spans)
            if spans:
                rest = path.with_suffix(".new")
                rest.write_bytes(_without(path.read_bytes(), spans))
                rest.replace(path)

    def _left(self) -> Iterator[tuple[Path, dict[str, _RunFrames]]]:
        for path, _ in abandoned_files(self._folder, SUFFIX):
            yield path, self._index(path)

    def _index(self, path: Path) -> dict[str, _RunFrames]:
        """Find the events of each run in a file; empty where it was removed."""
        try:
            status = path.stat()
            version = (status.st_size, status.st_mtime_ns)
            known = self._indexes.get(path)
            if known is None or known[0] != version:
                known = self._indexes[path] = (version, _indexed(path.read_bytes()))
        except FileNotFoundError:
            self._indexes.pop(path, None)
            return {}
        return known[1]


def _is_recent(path: Path) -> bool:
    return time.time() - path.stat().st_mtime < ENDED_SECONDS


def _without(data: bytes, spans: Sequence[tuple[int, int]]) -> bytes:
    """Cut parts out of the data.

    :param spans: their starts and ends, in order.
    """
    starts = (0, *(end for _, end in spans))
    ends = (*(start for start, _ in spans), len(data))
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


def _frames(path: Path, run: _RunFrames) -> bytes:
    with path.open("rb") as file:
        return b"".join(os.pread(file.fileno(), end - start, start) for start, end in run.spans)


def _indexed(data: bytes) -> dict[str, _RunFrames]:
    runs: dict[str, _RunFrames] = {}
    for frame in _FRAME.finditer(data):
        runs.setdefault(frame["run"].decode(), _RunFrames()).add(frame)
    return runs
