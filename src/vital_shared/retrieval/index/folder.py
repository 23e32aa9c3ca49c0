"""The index on disk: what all processes of a machine share, and what a start begins with.

A segment is a folder of arrays that never changes; ``index.json`` names those that count and is replaced as
a whole. A process that is killed while it writes leaves a folder that nothing names, which the next one to
write removes. Only one writes at a time (flock(2), which the kernel lets go of with the process). The store
remains the truth: what cannot be read here is built anew.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vital_shared.logs import get_logger
from vital_shared.retrieval.index.postings import Postings
from vital_shared.retrieval.index.segment import Segment, join
from vital_shared.retrieval.index.snapshot import MAX_DEAD_SHARE, Part, Snapshot

__all__ = ["IndexFolder", "remove_indexes"]

logger = get_logger(__name__)

NO_GENERATION: Final = 0
UNREADABLE_GENERATION: Final = -1


def remove_indexes(root: Path, lineage: str) -> None:
    """Remove the indexes of documents that were embedded anew."""
    for path in root.glob(f"{lineage}-*"):
        shutil.rmtree(path, ignore_errors=True)


class IndexFolder:
    """The segments of one store, one embedding model and one way to read words.

    :param path: made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._manifest = path / "index.json"

    def newest(self, known: Snapshot) -> Snapshot:
        """Return what is on disk, or `known` where that is read already; nothing where it cannot be read."""
        generation = self._generation()
        if generation == known.generation:
            return known
        try:
            return self._read(json.loads(self._manifest.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            if self._generation() != generation:  # another process has replaced it meanwhile
                return self.newest(known)
            if generation:
                logger.warning("index_unreadable", path=str(self._path), exc_info=True)
                self.clear()
            return Snapshot()

    def save(self, snapshot: Snapshot) -> Snapshot | None:
        """Write what is in memory only, and return what is on disk then; None: somebody else writes or has.

        :raises OSError: when the disk does not take it; then what was there counts on.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        with self._alone() as is_alone:
            if not is_alone or self._generation() != snapshot.generation:
                return None
            first = _first_to_join(snapshot.parts)
            kept = list(snapshot.parts[:first])
            written = self._write(snapshot.parts[first:])
            saved = snapshot._replace(parts=(*kept, *written), generation=_new_generation())
            self._replace_manifest(saved)
            self._remove_others({part.name for part in saved.parts})
            return saved

    def clear(self) -> None:
        """Forget everything, for a store that was put back to an older state."""
        self._manifest.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        with (self._path / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _generation(self) -> int:
        try:
            generation: int = json.loads(self._manifest.read_bytes())["generation"]
        except (FileNotFoundError, NotADirectoryError):
            return NO_GENERATION
        except (ValueError, KeyError, TypeError):
            return UNREADABLE_GENERATION
        return generation

    def _write(self, parts: Sequence[Part]) -> list[Part]:
        """Write parts as one segment, without what is deleted."""
        if not any(part.alive.any() for part in parts):
            return []
        name = f"segment-{secrets.token_hex(8)}"
        folder = self._path / name
        folder.mkdir()
        arrays: list[np.memmap[Any, Any]] = []

        def allocate(file: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
            if 0 in shape:  # nothing to be mapped
                empty = np.empty(shape, dtype)
                np.save(folder / f"{file}.npy", empty)
                return empty
            array = np.lib.format.open_memmap(folder / f"{file}.npy", "w+", dtype, shape)
            arrays.append(array)
            return array

        segment = join([part.segment for part in parts], [part.alive for part in parts], allocate)
        (folder / "tenants.json").write_text(json.dumps(segment.tenants), encoding="utf-8")
        for array in arrays:
            array.flush()
        for path in (*folder.iterdir(), folder):
            _flush(path)
        return [_read_part(_Named(name, len(segment.ids)), self._path)]

    def _replace_manifest(self, snapshot: Snapshot) -> None:
        content = {
            "generation": snapshot.generation,
            "version": snapshot.version,
            "last_id": snapshot.last_id,
            "segments": [_Named(part.name, len(part.segment.ids)) for part in snapshot.parts],
            "deleted": [int(each) for part in snapshot.parts for each in part.dead_ids],
        }
        new = self._manifest.with_suffix(".new")
        new.write_text(json.dumps(content), encoding="utf-8")
        _flush(new)
        new.replace(self._manifest)
        _flush(self._path)

    def _remove_others(self, names: set[str]) -> None:
        for path in self._path.glob("segment-*"):
            if path.name not in names:
                shutil.rmtree(path, ignore_errors=True)

    def _read(self, content: dict[str, Any]) -> Snapshot:
        parts = tuple(_read_part(_Named(*each), self._path) for each in content["segments"])
        snapshot = Snapshot(content["version"], content["last_id"], parts, content["generation"])
        return snapshot.without(content["deleted"])


class _Named(NamedTuple):
    """A segment in the list of those that count."""

    name: str
    rows: int


def _first_to_join(parts: Sequence[Part]) -> int:
    """Return the first part that is written: all after it become one segment with it.

    It is the first that is in memory only; a segment before it joins where it is not twice as large as
    all after it, or much of it is deleted. So there are few segments, and each row is written a few times.
    """
    first = next((place for place, part in enumerate(parts) if not part.name), len(parts))
    crowded = (place for place, part in enumerate(parts) if part.dead_share > MAX_DEAD_SHARE)
    first = min(first, next(crowded, first))
    rows = sum(len(part.segment.ids) for part in parts[first:])
    while first > 0 and 0 < len(parts[first - 1].segment.ids) <= 2 * rows:
        first -= 1
        rows += len(parts[first].segment.ids)
    return first


def _read_part(named: _Named, folder: Path) -> Part:
    """Map a segment into memory.

    :raises ValueError: when it is not what it was.
    """
    path = folder / named.name
    arrays = {file.stem: _mapped(file) for file in path.glob("*.npy")}
    segment = Segment(
        ids=arrays["ids"],
        tenants=tuple(json.loads((path / "tenants.json").read_bytes())),
        owners=arrays["owners"],
        is_embedded=arrays["is_embedded"],
        matrix=arrays["matrix"],
        postings=Postings(*(arrays[name] for name in Postings._fields)),
    )
    sizes = {len(array) for array in (*segment[2:5], segment.ids, segment.postings.lengths)}
    if sizes != {named.rows} or len(segment.postings.rows) != segment.postings.starts[-1]:
        raise ValueError(f"{path} does not have {named.rows} rows")
    return Part(segment, np.ones(named.rows, bool), named.name)


def _mapped(file: Path) -> NDArray[Any]:
    # As plain arrays: the memmap class itself slows each operation down.
    try:
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False))
    except ValueError:  # an empty array cannot be mapped
        return np.asarray(np.load(file, allow_pickle=False))


def _new_generation() -> int:
    """Return a number that no other state of the folder has."""
    return secrets.randbits(53) | 1


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
