"""The changes of files and folders that are watched."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch

from vital_shared.errors import ConfigurationError, InvalidRequest

__all__ = ["changed_paths"]

LOOK_EVERY_MS: Final = 500

_Changes = AsyncGenerator[Sequence[Path], None]

_Identity = tuple[int, int]
"""The device and the number of a file, by which the system watches it."""


async def changed_paths(paths: Sequence[Path]) -> _Changes:
    """Give those of the paths in which something has changed; all of them at first, without end.

    The system watches a file or folder, and not its name. So all are given, and the watch begins anew, when
    another is put in a path's place: editors save so, and folders are made anew.

    :raises InvalidRequest: when the name of a path cannot be watched.
    :raises ConfigurationError: when the system refuses to watch.
    """
    _check_names(paths)
    was_there = False
    while True:
        watched = _identities(paths)
        if was_there and not watched:
            yield paths
        was_there = bool(watched)
        if watched:
            async with aclosing(_changes(paths, watched)) as changes:
                async for changed in changes:
                    yield changed
        await asyncio.sleep(LOOK_EVERY_MS / 1000)


async def _changes(paths: Sequence[Path], watched: Mapping[Path, _Identity]) -> _Changes:
    """Give what changes until another file or folder is in a path's place."""
    is_first = True  # what changed before the watch began is found by looking once
    watch = awatch(
        *watched,
        watch_filter=None,
        yield_on_timeout=True,
        rust_timeout=LOOK_EVERY_MS,
        ignore_permission_denied=True,
    )
    try:
        async with aclosing(watch):
            async for changes in watch:
                if _is_removed(watched, changes) or _identities(paths) != watched:
                    return
                touched = paths if is_first else _touched(paths, changes)
                is_first = False
                if touched:
                    yield touched
    except FileNotFoundError:  # gone since a moment
        return
    except OSError as error:
        raise ConfigurationError(f"The system refuses to watch the files: {error}.") from error
    except ExceptionGroup:  # the watcher knows no names that are not UTF-8, and gives up
        return


def _identities(paths: Iterable[Path]) -> dict[Path, _Identity]:
    found: dict[Path, _Identity] = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found[path.absolute()] = (status.st_dev, status.st_ino)
    return found


def _is_removed(watched: Iterable[Path], changes: Iterable[tuple[Change, str]]) -> bool:
    """Return whether a watched path itself was removed; one that is made anew may have its number."""
    removed = {Path(path) for change, path in changes if change is Change.deleted}
    return not removed.isdisjoint(watched)


def _touched(paths: Sequence[Path], changes: Iterable[tuple[Change, str]]) -> Sequence[Path]:
    """Return the paths in which something has changed that is not hidden, and so read."""
    changed = [Path(path) for _, path in changes]
    return [path for path in paths if any(_is_read(each, path.absolute()) for each in changed)]


def _is_read(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and not any(
        part.startswith(".") for part in path.relative_to(root).parts
    )


def _check_names(paths: Sequence[Path]) -> None:
    for path in paths:
        try:
            os.fspath(path).encode()
        except UnicodeEncodeError as error:
            name = os.fsencode(path).decode(errors="replace")
            raise InvalidRequest(
                f"{name} cannot be watched, as its name is not UTF-8: rename it.", field="paths"
            ) from error
