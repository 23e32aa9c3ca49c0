"""The files that are to be ingested, and the names under which they are stored."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.parse import SUFFIXES

__all__ = [
    "FoundFile",
    "file_address",
    "file_hash",
    "find_files",
    "is_gone",
    "left_out",
    "longer_names",
    "read_file",
]


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class FoundFile(NamedTuple):
    """A file, or what was wrong with it."""

    path: Path
    uri: str
    """POSIX path relative to the folder that was named, or the name of a file that was."""

    error: IngestError | None = None


def find_files(paths: Iterable[Path]) -> list[FoundFile]:
    """Return the readable files in folders, and all files that are named themselves.

    Folders are walked in the order of their names; hidden files and folders are skipped, and so is
    a folder that was walked already, by whatever links it is reached, and what a link leads to outside of the
    folder. A file that is reached twice is returned once.
    """
    found: list[FoundFile] = []
    reached: set[Path] = set()
    for entry in (entry for path in paths for entry in _entries(path)):
        target = _target(entry.path)
        if entry.error is not None or target not in reached:
            found.append(entry)
        if entry.error is None:
            reached.add(target)
    return found


def read_file(path: Path, *, limit: int) -> bytes:
    """Read a file of at most `limit` bytes; one more byte is read of a larger one.

    :raises IngestError: when it cannot be opened.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            return file.read(limit + 1)
    except OSError as error:
        raise _cannot_be_opened(path, error) from error


def left_out(paths: Iterable[Path]) -> list[str]:
    """Name what is in the folders and is not read: other kinds of files, pipes, and links that lead out."""
    names: set[str] = set()
    for root in filter(_is_folder, paths):
        for name, folders, files in os.walk(root):
            folder = Path(name)
            links = [each for each in folders if (folder / each).is_symlink()]
            folders[:] = [each for each in folders if not each.startswith(".")]
            for each in (*links, *files):
                path = folder / each
                is_read = each in links or (path.suffix.lower() in SUFFIXES and not _is_other(path))
                if not each.startswith(".") and not (is_read and _within(path, root)):
                    names.add(_text(path.relative_to(root).as_posix()))
    return sorted(names)


def file_address(path: Path) -> str:
    """Return an absolute path without links, percent-encoded, so that any name is text."""
    return _target(path).as_uri()


def is_gone(address: str) -> bool:
    """Return whether a file is known not to be there any more; one that cannot be looked at is not.

    A folder or a link in its place, or in that of a folder on the way to it, is not the file.
    """
    path = unquote_to_bytes(address.removeprefix("file://"))
    try:
        return not stat.S_ISREG(os.lstat(path).st_mode) or os.path.realpath(path) != path
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def file_hash(address: str) -> str | None:
    """Return the SHA-256 of what a file holds now, hexadecimal; None where it cannot be read."""
    try:
        path = os.fsdecode(unquote_to_bytes(address.removeprefix("file://")))
        with open(path, "rb", opener=_open_without_waiting) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def longer_names(found: FoundFile) -> Iterator[str]:
    """Give the name of a file, and then longer ones with more of the folders that it is in."""
    yield found.uri
    parts = _target(found.path).parts[1:]
    for count in range(found.uri.count("/") + 2, len(parts) + 1):
        yield _text("/".join(parts[-count:]))


def _entries(path: Path) -> Iterator[FoundFile]:
    if _is_folder(path):
        yield from _walk(path)
    else:
        yield FoundFile(path, _text(path.name) or _text(str(path)), _named_error(path))


def _named_error(path: Path) -> IngestError | None:
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return _error(path, "does not exist: check the path.")
    except OSError as error:
        return _cannot_be_opened(path, error)
    if not is_file:
        return _error(path, "is not a regular file.")
    if path.suffix.lower() not in SUFFIXES:
        return _error(path, f"has none of the suffixes {', '.join(SUFFIXES)}: convert it.")
    return None


def _walk(root: Path) -> Iterator[FoundFile]:
    walked: set[Path] = set()
    errors: list[OSError] = []
    for name, folders, files in os.walk(root, followlinks=True, onerror=errors.append):
        folder = Path(name)
        folders[:] = sorted(
            each for each in folders if not each.startswith(".") and _within(folder / each, root)
        )
        if folder.resolve() in walked:
            folders.clear()
            continue
        walked.add(folder.resolve())
        for file in sorted(files):
            path = folder / file
            if file.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            if _within(path, root) and not _is_other(path):
                yield FoundFile(path, _text(path.relative_to(root).as_posix()))
    for error in errors:
        path = Path(error.filename)
        yield FoundFile(path, _text(path.relative_to(root).as_posix()), _cannot_be_opened(path, error))


def _within(path: Path, root: Path) -> bool:
    """Return whether a path leads to something in the folder, also where it is a link; a loop does not."""
    try:
        return not path.is_symlink() or path.resolve(strict=True).is_relative_to(root.resolve())
    except PermissionError:  # reading it will say so
        return _target(path).is_relative_to(_target(root))
    except (OSError, RuntimeError):
        return False


def _is_folder(path: Path) -> bool:
    """Return whether a path is known to lead to a folder."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_other(path: Path) -> bool:
    """Return whether a path is known to lead to no file: to a folder, a pipe or nothing."""
    try:
        return not path.is_file()
    except OSError:
        return False


def _target(path: Path) -> Path:
    """Return an absolute path without links; a link that leads nowhere stays."""
    return Path(os.path.realpath(path))


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe, which may have come in its place, would wait for somebody who writes."""
    file = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return file


def _cannot_be_opened(path: Path, error: OSError) -> IngestError:
    return _error(path, f"cannot be opened: {error.strerror}.")


def _error(path: Path, what: str) -> IngestError:
    return IngestError(f"{_text(str(path))} {what}", path=_text(str(path)))


def _text(name: str) -> str:
    """Return a file name as text that a database takes, also where it is not UTF-8."""
    return _CONTROLS.sub("\ufffd", os.fsencode(name).decode("utf-8", "replace"))
