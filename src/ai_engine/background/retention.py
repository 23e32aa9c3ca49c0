"""Deletes what was kept for long enough, in the background: one process at a time, in small steps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Final

from vital_shared.errors import NotFound, VitalError
from vital_shared.logs import get_logger
from vital_shared.models.retention import RetainedKind, RetentionOutcome, RetentionTable
from vital_shared.monitoring.metrics import RETENTION_DELETED_TOTAL
from vital_shared.store.actor import Actor, acting_as
from vital_shared.store.database import Database
from vital_shared.store.knowledge import KnowledgeStore
from vital_shared.store.retention import RetentionPass, passes
from vital_shared.store.retention_outcome import note_outcome
from vital_shared.store.source_leases import SourceLease

__all__ = ["Retention"]

logger = get_logger(__name__)

PASS_SECONDS: Final = 3_600.0
"""The time between two passes."""

RESTS_PER_STEP: Final = 4.0
"""The rest after a step, over its duration: a fifth of one writer's time at most."""

MIN_REST_SECONDS: Final = 0.05

LEASE: Final = ":retention"
"""The name of the lease; no source's name has a colon in front."""


class Retention:
    """The task of one process.

    :param rules: the time that each kind is kept.
    :param sleep: waits for seconds.
    """

    def __init__(
        self,
        database: Database,
        knowledge: KnowledgeStore,
        rules: RetentionTable,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._knowledge = knowledge
        self._rules = rules
        self._now = now
        self._sleep = sleep

    async def watch(self) -> None:
        """Begin a pass each hour, until cancelled; where another process is at work, it leaves it to that."""
        while next(self._passes(), None) is not None:
            try:
                await SourceLease(self._database, LEASE, self._now).run_if_free(self.run)
            except VitalError as error:
                logger.warning("retention_failed", reason=error.for_operators)
            await self._sleep(PASS_SECONDS)

    async def run(self) -> None:
        """Delete what is due, and note how many rows.

        :raises StoreError: when the database does not answer; the next pass goes on.
        """
        deleted: dict[RetainedKind, int] = {}
        with acting_as(Actor("program", "retention")):
            for each in self._passes():
                deleted[each.kind] = await self._run(each)
                if deleted[each.kind]:
                    logger.info("retention_deleted", kind=each.kind, rows=deleted[each.kind])
        await note_outcome(self._database, RetentionOutcome(ended_at=self._now(), deleted=deleted))

    def _passes(self) -> Iterator[RetentionPass]:
        return passes(self._database, self._knowledge, self._rules, self._now())

    async def _run(self, each: RetentionPass) -> int:
        deleted, is_last = 0, False
        while not is_last:
            began = time.monotonic()
            try:
                step, is_last = await each.step()
            except NotFound:  # a document was deleted by somebody else meanwhile
                continue
            RETENTION_DELETED_TOTAL.labels(each.kind).inc(step)
            deleted += step
            await self._sleep(max(MIN_REST_SECONDS, RESTS_PER_STEP * (time.monotonic() - began)))
        return deleted
