"""The counts of all workers, also those that have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector

from ai_engine.supervisor.freed_names import FreedNames
from ai_engine.supervisor.process import WorkerProcess
from vital_shared.monitoring.exposition import Shown, render
from vital_shared.monitoring.merging import merge, remains
from vital_shared.monitoring.metrics import WORKER_RESTARTS_TOTAL
from vital_shared.monitoring.snapshot import Snapshot, load, take

__all__ = ["OPENMETRICS", "TEXT", "Gathering"]

TEXT: Final = b"text"
OPENMETRICS: Final = b"openmetrics"


class Gathering:
    """Adds up what the workers count.

    Nothing that was counted is lost when a worker ends in good order, since it then sends its last snapshot;
    of one that was killed, what it counted since the last scrape is.

    :param workers: gives those that run, the oldest first.
    """

    def __init__(self, workers: Callable[[], Iterable[WorkerProcess]]) -> None:
        self._workers = workers
        self._ended: Snapshot = {}
        self._freed = FreedNames()
        self._own = CollectorRegistry()
        ProcessCollector(registry=self._own)
        self._one_at_a_time = asyncio.Lock()

    def leave(self, worker: WorkerProcess) -> None:
        """Keep what a worker has counted that has ended."""
        if worker.last:
            self._ended = merge([self._ended, remains(load(worker.last))])

    async def text(self, format_name: bytes) -> bytes:
        """Write the metrics of all workers.

        :param format_name: `OPENMETRICS` or `TEXT`.
        """
        merged = await self.snapshot()
        return await asyncio.to_thread(render, Shown(merged), as_openmetrics=format_name == OPENMETRICS)

    async def snapshot(self) -> Snapshot:
        """Add up what all workers count now."""
        async with self._one_at_a_time:
            async with asyncio.TaskGroup() as tasks:
                for worker in self._workers():
                    tasks.create_task(worker.refresh())
            # Both at one moment: a worker that ends goes from the one to the other.
            snapshots, ended = [worker.last for worker in self._workers() if worker.last], self._ended
            return await asyncio.to_thread(self._merge, snapshots, ended)

    def _merge(self, snapshots: Sequence[bytes], ended: Snapshot) -> Snapshot:
        workers, ended = self._freed.hide([load(each) for each in snapshots], ended)
        return merge([*workers, take(self._own), take(WORKER_RESTARTS_TOTAL), ended])
