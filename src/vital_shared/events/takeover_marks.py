"""The marks that keep a process from writing events of runs that another one has taken over."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from vital_shared.events.log import StaleWriter

__all__ = ["TakeoverMarks"]

SUFFIX: Final = ".epoch"


class TakeoverMarks:
    """A small file for each run that was taken over, with the epoch of its owner.

    A new owner puts its mark, then reads what was written; a writer writes, then looks for a mark, and then
    lets readers have it. So what a reader has seen was there when the new owner read.

    :param folder: the folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, run_id: str, epoch: int) -> None:
        """Let earlier epochs of a run write no more.

        :raises OSError: when the disk does not take it.
        :raises StaleWriter: when there is a later epoch.
        """
        if self.is_stale(run_id, epoch):
            raise StaleWriter("Another worker has taken this run over.")
        path = self._path(run_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(str(epoch))
        draft.replace(path)

    def is_stale(self, run_id: str, epoch: int) -> bool:
        """Return whether a later epoch of a run has begun."""
        path = self._path(run_id)
        return os.access(path, os.F_OK) and int(path.read_text()) > epoch

    def runs(self) -> set[str]:
        """Return the runs that were taken over."""
        return {path.stem for path in self._folder.glob(f"*{SUFFIX}")}

    def remove(self, run_ids: Collection[str]) -> None:
        """Remove the marks of runs that have ended."""
        for run_id in run_ids:
            self._path(run_id).unlink(missing_ok=True)

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{run_id}{SUFFIX}"
