"""Checks whether runs can be stored: the database takes writes, and the disk below it has room."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from ai_engine.patient_reads import PatientReads
from vital_shared.errors import StoreError
from vital_shared.store.database import Database

__all__ = ["Readiness"]

CHECK_SECONDS: Final = 2.0
"""How long a check may take."""

SAMPLE_BYTES: Final = 65_536
"""Written to see that the disk has room; some commits of a run take as much."""


class Readiness:
    """Runs the checks, each once at a time, however many probes there are.

    :param data_dir: where the SQLite file and the models are; it is checked where it is there.
    """

    def __init__(self, database: Database, data_dir: Path) -> None:
        self._checks: Mapping[str, Callable[[], Awaitable[None]]] = {
            "the database": database.check,
            f"the disk of {data_dir}": lambda: asyncio.to_thread(_check_disk, data_dir),
        }
        self._reads: PatientReads[str, None] = PatientReads(at_once=len(self._checks))

    async def problems(self) -> tuple[str, ...]:
        """Say what stands in the way of storing runs."""
        found = await asyncio.gather(*(self._problem(name) for name in self._checks))
        return tuple(each for each in found if each is not None)

    async def _problem(self, name: str) -> str | None:
        try:
            await self._reads.get(name, self._checks[name], patience_seconds=CHECK_SECONDS)
        except TimeoutError:
            return f"{name} did not answer within {CHECK_SECONDS:g} seconds"
        except StoreError as error:
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
        raise StoreError(f"The disk of {data_dir} cannot be written to: {error.strerror}") from error
