"""The files that are to be ingested, and the names under which they are stored."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.parse import SUFFIXES

__all__ = ["Found", "find_files", "read_file"]


class Found(NamedTuple):
    """A file, or what was wrong with it."""

    path: Path
    uri: str
    """POSIX path relative to the folder that was named, or the name of a file that was."""

    error: IngestError | None = None


def find_files(paths: Iterable[Path]) -> list[Found]:
    """Return the readable files in folders, and all files that are named themselves.

    Folders are walked in the order of their names; hidden files and folders are skipped, and so is
    a folder that was walked already, by whatever links it is reached. A file that is reached twice
    is returned once. Two different files with the same name relative to what was named would
    overwrite each other in the store: the second is an error.
    """
    found: dict[str, Found] = {}
    real: dict[Path, str] = {}
    clashes: list[Found] = []
    for entry in (entry for path in paths for entry in _entries(path)):
        target = entry.path.resolve()
        if target in real and entry.error is None:
            continue
        if entry.uri in found:
            clashes.append(entry._replace(error=entry.error or _clash(entry, found[entry.uri])))
        else:
            found[entry.uri] = entry
            real[target] = entry.uri
    return [*found.values(), *clashes]


def read_file(path: Path, *, limit: int) -> bytes:
    """Read a file of at most `limit` bytes; one more byte is read of a larger one.

    :raises IngestError: when it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise IngestError(f"{path} cannot be opened: {error.strerror}.", path=str(path)) from error


def _entries(path: Path) -> Iterator[Found]:
    if path.is_dir():
        yield from _walk(path)
    else:
        yield Found(path, _text(path.name) or str(path), _named_error(path))


def _named_error(path: Path) -> IngestError | None:
    if not path.is_file():
        reason = "is not a regular file" if path.exists() else "does not exist: check the path"
        return IngestError(f"{path} {reason}.", path=str(path))
    if path.suffix.lower() not in SUFFIXES:
        return IngestError(
            f"{path} has none of the suffixes {', '.join(SUFFIXES)}: convert it.", path=str(path)
        )
    return None


def _walk(root: Path) -> Iterator[Found]:
    walked: set[Path] = set()
    errors: list[OSError] = []
    for name, folders, files in os.walk(root, followlinks=True, onerror=errors.append):
        folder = Path(name)
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        if folder.resolve() in walked:
            folders.clear()
            continue
        walked.add(folder.resolve())
        for file in sorted(files):
            path = folder / file
            if not file.startswith(".") and path.suffix.lower() in SUFFIXES and path.is_file():
                yield Found(path, _text(path.relative_to(root).as_posix()))
    for error in errors:
        path = Path(error.filename)
        message = f"{path} cannot be opened: {error.strerror}."
        yield Found(path, _text(path.relative_to(root).as_posix()), IngestError(message, path=str(path)))


def _clash(entry: Found, first: Found) -> IngestError:
    return IngestError(
        f"{entry.path} would be stored as {entry.uri}, as {first.path} is: name the folder that holds both.",
        path=str(entry.path),
    )


def _text(name: str) -> str:
    """Return a file name as text that a database takes, also where it is not UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")
