"""Checks whether the database takes writes, the disk below it has room, and sources answer."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ai_engine.asgi.patient_reads import PatientReads
from vital_shared.errors import SourceError, StoreError
from vital_shared.failure_log import FailureLog
from vital_shared.logs import get_logger
from vital_shared.retrieval.collection import Collection
from vital_shared.store.database import Database

__all__ = ["Readiness"]

failures = FailureLog(get_logger(__name__))

CHECK_SECONDS: Final = 2.0
"""The timeout of a check."""

SAMPLE_BYTES: Final = 65_536
"""Written to see that the disk has room; some commits of a run take as much."""


class Readiness:
    """The readiness checks, each once at a time, however many probes there are.

    :param data_dir: the folder of the SQLite file and the models; it is checked where it is there.
    :param collections: sources in other systems; runs do without those that do not answer.
    """

    def __init__(self, database: Database, data_dir: Path, collections: Sequence[Collection] = ()) -> None:
        self._checks: Mapping[str, Callable[[], Awaitable[None]]] = {
            "the database": database.check,
            "the disk of the data": lambda: asyncio.to_thread(_check_disk, data_dir),
        }
        self._pings: Mapping[str, Callable[[], Awaitable[None]]] = {
            f"the source {collection.name}": collection.ping for collection in collections
        }
        self.is_leaving = False
        """Whether a stop is under way: load balancers should send no more requests."""
        self._reads: PatientReads[str, None] = PatientReads(at_once=len(self._checks) + len(self._pings))

    async def problems(self) -> tuple[str, ...]:
        """List the problems that stand in the way of storing runs."""
        return await self._problems(self._checks)

    async def silent_sources(self) -> tuple[str, ...]:
        """List the sources that do not answer, with the reasons."""
        return await self._problems(self._pings)

    async def _problems(self, checks: Mapping[str, Callable[[], Awaitable[None]]]) -> tuple[str, ...]:
        found = await asyncio.gather(*(self._problem(name, check) for name, check in checks.items()))
        return tuple(each for each in found if each is not None)

    async def _problem(self, name: str, check: Callable[[], Awaitable[None]]) -> str | None:
        try:
            await self._reads.get(name, check, patience_seconds=CHECK_SECONDS)
        except TimeoutError:
            return f"{name} did not answer within {CHECK_SECONDS:g} seconds"
        except (SourceError, StoreError) as error:
            failures.warn("not_ready", name, error)
            return str(error)
        return None

    async def aclose(self) -> None:
        """Give up the checks that are under way."""
        await self._reads.aclose()


def _check_disk(data_dir: Path) -> None:
    """Write a little, down to the disk: free space alone does not show quotas or a disk gone read-only.

    :raises StoreError: when that fails.
    """
    if not data_dir.is_dir():
        return
    try:
        with tempfile.TemporaryFile(dir=data_dir, prefix=".vital-check-") as file:
            file.write(bytes(SAMPLE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"The disk of the data cannot be written to: {error.strerror}").detailed(
            f"The disk of {data_dir} cannot be written to: {error.strerror}"
        ) from error
