"""Runs that a worker may have taken without knowing: the store has it, and its answer was lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vital_shared.errors import StoreError
from vital_shared.store.orphan_runs import OrphanRun, OrphanRuns

__all__ = ["StrayRuns"]


class StrayRuns:
    """The runs that one worker has tried to take, of which it does not know whether they are its own.

    :param orphans: the runs in the store.
    :param worker: the id of the worker.
    """

    def __init__(self, orphans: OrphanRuns, worker: str) -> None:
        self._orphans = orphans
        self._worker = worker
        self._unclear: set[str] = set()

    @asynccontextmanager
    async def taking(self, run_id: str) -> AsyncIterator[None]:
        """Take a run within this block; where that fails, the store may have it all the same."""
        try:
            yield
        except (StoreError, asyncio.CancelledError):
            self._unclear.add(run_id)
            raise
        self._unclear.discard(run_id)

    async def find(self) -> tuple[OrphanRun, ...]:
        """Return those that are the worker's by the store; costs nothing where there are none to look for.

        :raises StoreError: when the database does not answer.
        """
        if not self._unclear:
            return ()
        asked = set(self._unclear)
        found = await self._orphans.of_worker(self._worker, asked)
        self._unclear -= asked - {orphan.run_id for orphan in found}
        return found
