"""The file of a batch's results: one line for each that has ended, and at the end in the questions' order."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
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

FORMER_SUFFIX: Final = ".former"
"""The end of the name of the file of answers whose questions are no longer in the batch's file."""


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

    def __init__(self, path: Path, file: IO[bytes], batch_id: str, lines: Sequence[BatchLine]) -> None:
        self.batch_id = batch_id
        self._path = path
        self._former = path.with_name(path.name + FORMER_SUFFIX)
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
        self._file.write(to_json(entry) + b"\n")
        self._file.flush()

    def finish(self) -> BatchSummary:
        """Put the results in the order of the questions, each once, and return how the batch stands."""
        ordered = [self._results[line.key] for line in self._lines if line.key in self._results]
        keys = {line.key for line in self._lines}
        former = [entry for key, entry in self._results.items() if key not in keys and "output" in entry]
        if former or self._former.exists():
            _write_whole(self._former, _text(former))  # first: an answer may be in both, and has to be in one
        _write_whole(self._path, _text(ordered))
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
        """Read the results of earlier starts; a line that one was killed in is cut off."""
        if self._former.exists():
            with self._former.open("rb") as former:
                self._read_lines(former)
        whole = self._read_lines(self._file)
        self._file.seek(whole)
        self._file.truncate()

    def _read_lines(self, file: IO[bytes]) -> int:
        """Read results, and return the place of the end of the last whole line."""
        whole = 0
        for line in iter(file.readline, b""):
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            try:
                entry = read_json(line.decode())
            except ValueError as error:
                raise InvalidRequest(
                    f"{file.name} contains something other than results: {error}."
                ) from error
            if isinstance(entry, dict) and isinstance(entry.get("key"), str):
                self._results[entry["key"]] = entry
        return whole


def _text(entries: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(to_json(entry) + b"\n" for entry in entries)


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for this process alone, and make it where there is none."""
    while True:
        path.touch(mode=0o600)
        with path.open("r+b") as file:
            _lock(path, file)
            if _is_at(path, file):
                yield file
                return


def _is_at(path: Path, file: IO[bytes]) -> bool:
    """Return whether a file is the one at a path still: a batch that ends puts another there."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _lock(path: Path, file: IO[bytes]) -> None:
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
    _write_whole(state, f"{batch_id}\n".encode())
    return batch_id


def _write_whole(path: Path, text: bytes) -> None:
    """Write a file so that it is there as a whole, or as it was."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(unfinished, "xb", opener=_private) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:  # a disk that is full needs the space
        unfinished.unlink(missing_ok=True)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
