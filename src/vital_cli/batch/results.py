"""The file of a batch's results: one line for each that has ended, and at the end in the questions' order."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Self

from pydantic_core import to_json

from vital_cli.batch.lines import BatchLine
from vital_cli.json_text import read_json
from vital_shared.errors import InvalidRequest
from vital_shared.models.base import Frozen

__all__ = ["BatchSummary", "ResultsFile"]

STATE_SUFFIX: Final = ".batch"
"""The end of the name of the file that has the batch's id, beside its results."""


class BatchSummary(Frozen):
    """The state of a batch."""

    batch_id: str
    lines: int
    completed: int
    waiting: int
    """Lines that wait for a person."""
    failed: int
    """Lines without an answer, and those that are no requests."""


class ResultsFile:
    """The results of a batch, kept as they come.

    :param file: the file, open for appending.
    :param batch_id: the batch that they are of.
    """

    def __init__(self, path: Path, file: IO[str], batch_id: str, lines: Sequence[BatchLine]) -> None:
        self.batch_id = batch_id
        self._path = path
        self._file = file
        self._lines = lines
        self._results: dict[str, dict[str, Any]] = {}

    @classmethod
    @contextmanager
    def open(cls, path: Path, lines: Sequence[BatchLine]) -> Iterator[Self]:
        """Open the file of results, a new one or that of an earlier start, for this process alone.

        :raises InvalidRequest: when another process has it, or it cannot be written.
        """
        try:
            with _locked(path) as file:
                results = cls(path, file, _batch_id(path), lines)
                results._read()
                yield results
        except OSError as error:
            raise InvalidRequest(f"{path} cannot be written: {error.strerror}.") from error

    def has_answer(self, line: BatchLine) -> bool:
        """Return whether a line was answered."""
        return self._results.get(line.key, {}).get("status") == "completed"

    def add(self, line: BatchLine, result: dict[str, Any]) -> None:
        """Write what has come of a line."""
        entry = {"line": line.number, "custom_id": line.custom_id, "key": line.key, **result}
        self._results[line.key] = entry
        self._file.write(to_json(entry).decode() + "\n")
        self._file.flush()

    def finish(self) -> BatchSummary:
        """Put the results in the order of the questions, each once, and return how the batch stands."""
        ordered = [self._results[line.key] for line in self._lines if line.key in self._results]
        _write_whole(self._path, "".join(to_json(entry).decode() + "\n" for entry in ordered))
        statuses = [entry["status"] for entry in ordered]
        completed, waiting = statuses.count("completed"), statuses.count("awaiting_approval")
        return BatchSummary(
            batch_id=self.batch_id,
            lines=len(self._lines),
            completed=completed,
            waiting=waiting,
            failed=len(self._lines) - completed - waiting,
        )

    def _read(self) -> None:
        """Read the results of an earlier start; a line that it was killed in is cut off."""
        whole = 0
        for text in iter(self._file.readline, ""):
            if not text.endswith("\n"):
                break
            whole = self._file.tell()
            try:
                entry = read_json(text)
            except ValueError as error:
                raise InvalidRequest(f"{self._path} holds something else than results: {error}.") from error
            if isinstance(entry, dict) and isinstance(entry.get("key"), str):
                self._results[entry["key"]] = entry
        self._file.seek(whole)
        self._file.truncate()


@contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    """Open a file for this process alone, and make it where there is none."""
    while True:
        path.touch(mode=0o600)
        with path.open("r+", encoding="utf-8") as file:
            _lock(path, file)
            if _is_at(path, file):
                yield file
                return


def _is_at(path: Path, file: IO[str]) -> bool:
    """Return whether a file is the one at a path still: a batch that ends puts another there."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _lock(path: Path, file: IO[str]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InvalidRequest(f"Another `vital batch` works on {path}: wait for it, or stop it.") from None


def _batch_id(path: Path) -> str:
    """Return the id of the batch whose results stand in a file, which is locked; the first start makes it."""
    state = path.with_name(path.name + STATE_SUFFIX)
    if state.exists() and (known := state.read_text(encoding="utf-8").strip()):
        return known
    batch_id = f"batch_{secrets.token_hex(16)}"
    _write_whole(state, batch_id + "\n")
    return batch_id


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there as a whole, or as it was."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(unfinished, "x", encoding="utf-8", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
