"""Hands background runs to the queue, which is started with the first one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from vital_shared.errors import ConfigurationError, StoreError
from vital_shared.logs import get_logger
from vital_shared.workflows.background.item_worker import ItemWorker, RunQueued
from vital_shared.workflows.background.limits import QueueLimits
from vital_shared.workflows.background.queue_address import queue_database
from vital_shared.workflows.background.tenant_pace import TenantPace
from vital_shared.workflows.services import Services

if TYPE_CHECKING:
    from vital_shared.workflows.background.dbos_queue import DbosQueue

__all__ = ["Dispatcher", "check_installed", "is_installed"]

logger = get_logger(__name__)

IDLE_LOOK_SECONDS: Final = 5.0
"""The time between two looks into the store for runs that other processes have queued."""

LOOK_SECONDS: Final = 1.0
"""The same, once the queue is started."""

GATHER_SECONDS: Final = 0.05
"""The time from the news of a queued run to the look, so that many runs cost one."""

DISPATCH_BATCH: Final = 200
REDISPATCH_AFTER: Final = timedelta(minutes=10)
"""The wait in the queue after which a run's item is put again; one that is there stays as it is."""

PRUNE_SECONDS: Final = 60.0


def is_installed() -> bool:
    """Return whether what background runs need is installed."""
    return find_spec("dbos") is not None


def check_installed() -> None:
    """See that what background runs need is installed.

    :raises ConfigurationError: when it is not.
    """
    if not is_installed():
        raise ConfigurationError(
            'Background runs need packages that are not installed: pip install "vital-engine[background]"'
        )


class Dispatcher:
    """The background runs of one process: handed to the queue, and worked on as the queue gives them out.

    Where no background run is open it costs a small read every 5 seconds, and DBOS is not loaded.

    :param workflows: stored names of the workflows that this process can run.
    :param run: runs a queued run in this process.
    :param cancel: cancels a run in this process, where it is here.
    :param takes_over: whether this process takes over durable runs, as an engine does.
    """

    def __init__(
        self,
        services: Services,
        workflows: Collection[str],
        run: RunQueued,
        cancel: Callable[[str], None],
        *,
        takes_over: bool = False,
    ) -> None:
        self._services = services
        self._store = services.background
        self._workflows = tuple(workflows)
        self._worker = ItemWorker(services, run, takes_over=takes_over)
        self._pace = TenantPace(services.limits, services.background)
        self._cancel = cancel
        self._queue: DbosQueue | None = None
        self._pruned_at = self._tended_at = 0.0

    async def watch(self) -> None:
        """Hand runs to the queue until cancelled; then take no more of them."""
        try:
            while True:
                try:
                    await self._look()
                except StoreError as error:
                    logger.warning("background_runs_not_read", exc_info=error)
                except Exception:
                    logger.exception("background_queue_failed")
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_LOOK_SECONDS if self._queue is None else LOOK_SECONDS):
                        await self._store.news.wait()
                await asyncio.sleep(GATHER_SECONDS)
                self._store.news.clear()
        finally:
            if self._queue is not None:
                await self._queue.aclose()

    async def _look(self) -> None:
        if self._queue is None and not await self._store.has_open(self._workflows):
            return
        queue = self._queue or await self._started()
        await self._dispatch(queue)
        now = asyncio.get_running_loop().time()
        if now - self._tended_at >= LOOK_SECONDS:
            self._tended_at = now
            await self._recover(queue)
            await self._cancel_requested()
        if now - self._pruned_at >= PRUNE_SECONDS:
            self._pruned_at = now
            await queue.prune()
            # Where the queue has lost an item, such as with its file, the run gets another one.
            await self._store.redispatch(self._services.now() - REDISPATCH_AFTER, DISPATCH_BATCH)

    async def _started(self) -> DbosQueue:
        check_installed()
        from vital_shared.workflows.background.dbos_queue import DbosQueue  # noqa: PLC0415 - an extra

        services = self._services
        database = await queue_database(services.database, services.settings.url)
        limits = QueueLimits.of(services.settings)
        await services.lease.hold()
        executor_id = services.lease.id
        queue = DbosQueue(database, executor_id, self._workflows, limits, self._worker.work)
        await queue.start()
        self._queue = queue
        logger.info("background_queue_started", executor_id=executor_id, workflows=len(self._workflows))
        return queue

    async def _recover(self, queue: DbosQueue) -> None:
        """Give the items of dead processes back to the queue; DBOS itself knows only its own."""
        if not self._services.lease.may_take_over:
            return
        executors = await queue.executors()
        dead = executors - await self._store.live_workers(executors)
        if dead:
            logger.warning("background_items_recovered", executors=sorted(dead))
            await queue.recover(dead)

    async def _cancel_requested(self) -> None:
        """Cancel the runs here that another process was asked to cancel."""
        for run_id in await self._store.cancel_requested(self._services.lease.id):
            self._cancel(run_id)

    async def _dispatch(self, queue: DbosQueue) -> None:
        """Give the queue the runs that it does not have; again changes nothing, so a crash loses none."""
        now = self._services.now()
        await self._pace.begin_look(now)
        while found := await self._store.undispatched(self._workflows, DISPATCH_BATCH, self._pace.resting):
            await self._pace.learn({each.tenant_id for each in found}, now)
            handed_out = [each for each in found if self._pace.take(each.item.run_id, each.tenant_id, now)]
            for each in handed_out:
                await queue.put(each.item, workflow=each.workflow, tenant_id=each.tenant_id)
            if handed_out:
                await self._store.note_dispatched([each.item for each in handed_out])
