"""Ends runs that no process will end any more: overdue ones, and those of processes that have died."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.store.runs import EndedRun
from vital_shared.workflows.run_line import log_ended
from vital_shared.workflows.run_metrics import count_ended
from vital_shared.workflows.services import Services

__all__ = ["RunSweep"]

logger = get_logger(__name__)

SWEEP_SECONDS: Final = 60.0


class RunSweep:
    """A task that ends overdue runs: at the start, each minute, and when a worker has died.

    :param services: hold the store.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def watch(self) -> None:
        """Sweep each minute."""
        while True:
            try:
                await self.sweep()
            except StoreError as error:
                logger.warning("run_sweep_failed", exc_info=error)
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Store the ends that are known, and end the runs that are overdue or lost.

        :raises StoreError: when the database does not answer.
        """
        services = self._services
        await services.now.read(services.database)  # first: where it was set, no run is overdue by that
        await self.end_lost()
        self._count(await services.runs.sweep(services.now()))
        await services.logs.forget_ended(services.runs.unfinished)

    async def end_lost(self) -> None:
        """End the runs of processes that have died.

        :raises StoreError: when the database does not answer.
        """
        self._count(await self._services.runs.end_lost(self._services.now()))

    def _count(self, ended: Iterable[EndedRun]) -> None:
        for run in ended:
            count_ended(
                run,
                self._services.request_counts,
                longest_seconds=self._services.settings.run_timeout_seconds,
            )
            log_ended(run)
