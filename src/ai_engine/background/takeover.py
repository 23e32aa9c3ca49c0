"""Takes over the durable runs of workers that have died, or have left them to others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

from ai_engine.runs.hub import RunHub
from ai_engine.served_workflows import ServedWorkflow, ServedWorkflows
from vital_shared.errors import PlanChanged, StoreError
from vital_shared.events.log import StaleWriter
from vital_shared.logs import get_logger
from vital_shared.models.fence import Fence
from vital_shared.monitoring.metrics import RUN_TAKEOVERS_TOTAL
from vital_shared.store.orphan_runs import OrphanRun, TakenRun
from vital_shared.store.run_record import LOST
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.run_line import log_ended
from vital_shared.workflows.run_metrics import count_ended
from vital_shared.workflows.services import Services

__all__ = ["Takeover"]

logger = get_logger(__name__)

LOOK_SECONDS: Final = 1.0

LOOKS_PER_CLEANUP: Final = 60
"""The number of looks from one removal of the rows of dead workers to the next."""

NOT_RESUMED: Final = "It was not resumed: the connection to the database was lost just then. Ask again."

MAX_RUNS_PER_LOOK: Final = 20
"""Runs that one worker takes over at a time, so that the others take their share."""


class Takeover:
    """A task that looks each second for runs whose worker's lease is over, and goes on with those it knows.

    A run of a workflow that is not served here, or whose plan is another one by now, is left to a worker that
    knows it; past its deadline it has ended.

    :param services: hold the store and the lease.
    :param workflows: the workflows that this worker knows.
    :param hub: runs what is taken over.
    :param max_takeovers: the workers that may die with a run before it is given up.
    """

    def __init__(
        self, services: Services, workflows: ServedWorkflows, hub: RunHub, *, max_takeovers: int
    ) -> None:
        self._services = services
        self._workflows = workflows
        self._hub = hub
        self._max_takeovers = max_takeovers
        self._unknown: set[str] = set()
        """Runs of others that are left, which are logged once."""
        self._stray: dict[str, Fence] = {}
        """The runs that were this worker's with the last look, and at work nowhere, by id."""
        self._begun_late: dict[str, tuple[OrphanRun, ServedWorkflow, TakenRun]] = {}
        """Runs that were taken over while the store failed, so that they have not begun yet, by id."""

    async def watch(self) -> None:
        """Look each second."""
        looks = 0
        while True:
            try:
                await self._services.lease.hold()
                await self.look()
                if not looks % LOOKS_PER_CLEANUP:
                    await self._services.runs.orphans.forget_workers()
                looks += 1
            except StoreError as error:
                logger.warning("takeover_failed", exc_info=error)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Take over what there is, and return how many runs that were.

        :raises StoreError: when the database does not answer.
        """
        if self._hub.stopping:
            return 0
        for orphan, served, taken in list(self._begun_late.values()):
            await self._adopt(orphan, partial(self._go_on, orphan, served, taken))
        orphans = (*await self._services.runs.orphans.find(), *await self._strays())
        self._unknown &= {orphan.run_id for orphan in orphans}
        known = [(orphan, found) for orphan in orphans if (found := self._served(orphan)) is not None]
        may = [(orphan, found) for orphan, found in known if self._may_take(orphan)]
        # At the same time: where Redis is away, as well, each waits a while for what is left of its events.
        taking = (self._take(*each) for each in may[:MAX_RUNS_PER_LOOK])
        results = await asyncio.gather(*taking, return_exceptions=True)
        for failure in results:
            if isinstance(failure, BaseException):
                raise failure
        return sum(result is True for result in results)

    async def _strays(self) -> tuple[OrphanRun, ...]:
        """Return the runs that this worker has taken without knowing: the store's answer was lost.

        One that was just taken, and is about to begin, is no such run with the next look.
        """
        found = [each for each in await self._services.runs.strays.find() if not self._is_here(each)]
        before, self._stray = self._stray, {each.run_id: each.fence for each in found}
        return tuple(each for each in found if before.get(each.run_id) == each.fence)

    def _is_here(self, orphan: OrphanRun) -> bool:
        here = self._hub.find(orphan.run_id)
        return orphan.run_id in self._begun_late or (here is not None and not here.ended.is_set())

    def _may_take(self, orphan: OrphanRun) -> bool:
        return not self._is_here(orphan) and (orphan.is_certain or self._services.lease.may_take_over)

    async def _take(self, orphan: OrphanRun, served: ServedWorkflow) -> bool:
        if not orphan.is_durable:
            await self._give_up(orphan, NOT_RESUMED)
            return False
        if orphan.takeovers >= self._max_takeovers:
            await self._give_up(orphan, f"It was given up: {orphan.takeovers + 1} workers have died with it.")
            return False
        return await self._adopt(orphan, partial(self._begin, orphan, served))

    async def _adopt(self, orphan: OrphanRun, begin: Callable[[], Awaitable[RunHandle | None]]) -> bool:
        return await self._hub.adopt(begin, tenant_id=orphan.tenant_id) is not None

    def _served(self, orphan: OrphanRun) -> ServedWorkflow | None:
        served = self._workflows.stored_as(orphan.workflow)
        if served is not None:
            plan = served.workflow.plan
            if orphan.plan in (plan.fingerprint, plan.earlier_fingerprint):
                return served
        if orphan.run_id not in self._unknown:
            self._unknown.add(orphan.run_id)
            reason = "not served here" if served is None else "its plan has changed"
            logger.warning("orphan_run_left", run_id=orphan.run_id, workflow=orphan.workflow, reason=reason)
        return None

    async def _begin(self, orphan: OrphanRun, served: ServedWorkflow) -> RunHandle | None:
        services = self._services
        settings, now = services.settings, services.now()
        seconds = settings.run_timeout_seconds + settings.store_seconds
        taken = await services.runs.take_over(orphan, deadline_at=now + timedelta(seconds=seconds))
        if taken is None:
            return None
        cause = "handed_over" if orphan.was_given_up else "lost"
        RUN_TAKEOVERS_TOTAL.labels(cause).inc()
        logger.info(
            "run_taken_over",
            run_id=orphan.run_id,
            tenant_id=orphan.tenant_id,
            epoch=taken.record.epoch,
            finished_nodes=len(taken.finished),
            cause=cause,
        )
        self._begun_late[orphan.run_id] = (orphan, served, taken)
        return await self._go_on(orphan, served, taken)

    async def _go_on(self, orphan: OrphanRun, served: ServedWorkflow, taken: TakenRun) -> RunHandle | None:
        """Begin what was taken over; where the store fails, it is tried again with the next look."""
        handle = None
        try:
            handle = await served.workflow.begin_taken_over(taken)
        except StoreError:
            raise
        except StaleWriter:  # another worker has taken it over from this one
            logger.info("orphan_run_superseded", run_id=orphan.run_id)
        except Exception as error:  # one that cannot be put together must not keep the others from it
            logger.exception("orphan_run_not_restored", run_id=orphan.run_id)
            reason = str(error) if isinstance(error, PlanChanged) else f"{type(error).__name__}."
            fence = self._services.runs.fence(taken.record)
            await self._give_up(orphan._replace(fence=fence), f"{LOST.message} {reason}", starts_over=True)
        del self._begun_late[orphan.run_id]
        return handle

    async def _give_up(self, orphan: OrphanRun, message: str, *, starts_over: bool = False) -> None:
        services = self._services
        ended = await services.runs.give_up(orphan, message, services.now(), starts_over=starts_over)
        if ended is None:
            return
        logger.error("orphan_run_given_up", run_id=orphan.run_id, takeovers=orphan.takeovers, reason=message)
        count_ended(ended, services.request_counts, longest_seconds=services.settings.run_timeout_seconds)
        log_ended(ended)
