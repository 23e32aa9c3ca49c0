"""The work on one item of the queue: begin its run, or follow the run that has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol

from vital_shared.errors import (
    BudgetExceeded,
    InvalidRequest,
    RateLimited,
    StoreError,
    UsageLimited,
    VitalError,
)
from vital_shared.logs import get_logger
from vital_shared.store.background_runs import QueueItem
from vital_shared.store.runs import EndedRun, RunRecord
from vital_shared.workflows.run_line import log_ended
from vital_shared.workflows.run_metrics import count_ended
from vital_shared.workflows.services import Services

__all__ = ["ItemWorker", "RunQueued"]

logger = get_logger(__name__)

FOLLOW_SECONDS: Final = 1.0
"""The time between two looks at a run that another process works on."""

RETRY_SECONDS: Final = 1.0
"""The time until a run that could not begin is tried again: the engine is busy, or the store away."""


class RunQueued(Protocol):
    """A function that runs a queued run to its end or pause, in this process."""

    def __call__(self, record: RunRecord) -> Awaitable[None]:
        """Run it.

        :raises VitalError: when it could not begin.
        """
        ...


class ItemWorker:
    """The worker of items: it may be given one any number of times, and begins its run once.

    :param run: runs a queued run in this process.
    :param takes_over: whether this process takes over durable runs; otherwise these begin anew, too.
    """

    def __init__(self, services: Services, run: RunQueued, *, takes_over: bool) -> None:
        self._services = services
        self._store = services.background
        self._run = run
        self._takes_over = takes_over

    async def work(self, name: str) -> None:
        """Begin the run that an item names, and wait for its end; where it runs elsewhere, wait alone.

        While an item waits it takes its place among the tenant's runs at once.
        """
        item = QueueItem.parse(name)
        while True:
            try:
                seconds = await self._next_step(item)
            except StoreError as error:
                logger.warning("background_run_waits_for_store", run_id=item.run_id, exc_info=error)
                seconds = RETRY_SECONDS
            if seconds is None:
                return
            await asyncio.sleep(seconds)

    async def _next_step(self, item: QueueItem) -> float | None:
        """Do what there is to do, and return the time until the next step; None: there is none.

        :raises StoreError: when the store does not answer.
        """
        if not await self._store.is_current(item):
            return None
        record = await self._services.runs.get(item.run_id, tenant_id=None, now=self._services.now())
        if record.status == "running":
            await self._free_lost(record)
            return FOLLOW_SECONDS
        return await self._begin(record) if record.status == "queued" else None

    async def _free_lost(self, record: RunRecord) -> None:
        """Let a run begin anew whose worker has died, unless it is durable and taken over."""
        if self._services.lease.may_take_over:
            now, is_durable = self._services.now(), not self._takes_over
            self._note_end(await self._store.requeue_lost(record.id, now, is_durable=is_durable))

    async def _begin(self, record: RunRecord) -> float | None:
        try:
            await self._run(record)
        except (RateLimited, UsageLimited) as error:
            return max(error.retry_after_seconds, RETRY_SECONDS)
        except BudgetExceeded as error:
            await self._fail(record, "budget", str(error))
        except InvalidRequest as error:
            await self._fail(record, "invalid", error.message)
        except VitalError as error:  # the engine is busy or stopping, or the store away
            logger.info("background_run_not_begun", run_id=record.id, exc_info=error)
            return RETRY_SECONDS
        except Exception:
            logger.exception("background_run_not_begun", run_id=record.id)
            await self._fail(record, "internal", "The run could not be begun.")
        return 0.0  # it has ended or paused, or another attempt is due

    async def _fail(self, record: RunRecord, error_type: str, message: str) -> None:
        now = self._services.now()
        self._note_end(await self._store.fail(record.id, error_type=error_type, message=message, now=now))

    def _note_end(self, ended: EndedRun | None) -> None:
        """Count and log a run that has ended while nobody worked on it."""
        services = self._services
        if ended is not None:
            longest_seconds = services.settings.run_timeout_seconds
            count_ended(ended, services.request_counts, longest_seconds=longest_seconds)
            log_ended(ended)
