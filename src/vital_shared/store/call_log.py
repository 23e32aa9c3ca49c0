"""The log of a durable run's calls in the store: what is about to be made is stored before it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import RunTakenOver
from vital_shared.logs import get_logger
from vital_shared.models.charge import Charge
from vital_shared.models.fence import Fence
from vital_shared.store.admission import run_lock
from vital_shared.store.database import Database
from vital_shared.store.patience import patiently
from vital_shared.store.run_calls import forget_call, keep_calls, keep_effect

__all__ = ["StoredCallLog"]

logger = get_logger(__name__)

T = TypeVar("T")

SETTLE_SECONDS: Final = 0.05
"""The time after a call's end at which its charge is stored by itself."""


class StoredCallLog:
    """The calls of one run of this worker's, and its nodes with effects, as they begin.

    What calls have cost by then is stored along with the next one, and with each finished node; or else a
    moment after their end.

    :param database: the store; writes share its transactions.
    :param context: the context with the run's charges.
    :param fence: this worker as the run's owner.
    """

    def __init__(self, database: Database, context: RunContext, fence: Fence) -> None:
        self._database = database
        self._context = context
        self._fence = fence
        self._locks = run_lock(context.request.tenant_id)
        self._loop = asyncio.get_running_loop()
        self._is_settling = False

    def settle(self) -> None:
        """Store in a moment, where nothing takes it along, what calls have cost; from any thread."""
        if not self._is_settling:
            self._is_settling = True
            self._loop.call_soon_threadsafe(self._loop.call_later, SETTLE_SECONDS, self._store_known)

    def _store_known(self) -> None:
        self._is_settling = False
        context, known, logged = self._context, self._context.unlogged, len(self._context.charges)
        if not known or context.call_log is not self:  # the run has ended, and its charges with it
            return
        stored = self._put_aside(
            lambda connection: keep_calls(connection, context.run_id, self._fence, known=known)
        )
        stored.add_done_callback(lambda done: self._mark_logged(done, logged))

    def _mark_logged(self, done: asyncio.Future[bool], logged: int) -> None:
        if not done.cancelled() and done.exception() is None and done.result():
            self._context.mark_logged(logged)

    async def announce(self, charge: Charge) -> None:
        """Store what a call is expected to cost; its request may leave once this returns.

        :raises RunTakenOver: when the run is another worker's by now.
        :raises StoreError: when the store does not take it in time.
        """
        context, known = self._context, self._context.unlogged
        logged = len(context.charges)

        def write(connection: Connection) -> bool:
            return keep_calls(connection, context.run_id, self._fence, expected=(charge,), known=known)

        try:
            await self._stored(write, f"the call of {charge.name}")
        except BaseException:
            self._withdraw(charge.item)
            raise
        context.mark_logged(logged)

    async def begin_effect(self, node: str) -> None:
        """Store that a node with effects begins; its code may run once this returns.

        :raises RunTakenOver: when the run is another worker's by now.
        :raises StoreError: when the store does not take it in time.
        """

        def write(connection: Connection) -> bool:
            return keep_effect(connection, self._context.run_id, self._fence, node)

        await self._stored(write, f"the node {node}")

    def expect(self, charge: Charge) -> None:
        """Store, without waiting, that an announced call is expected to cost more by now."""
        run_id, fence = self._context.run_id, self._fence
        self._put_aside(lambda connection: keep_calls(connection, run_id, fence, expected=(charge,)))

    async def _stored(self, write: Callable[[Connection], bool], subject: str) -> None:
        is_own = await patiently(
            lambda: self._database.put(write, locks=self._locks), self._database.wait_seconds, subject
        )
        if not is_own:
            raise RunTakenOver(
                f"The run {self._context.run_id} is no longer this worker's: {subject} was not begun."
            )

    def _withdraw(self, item: str) -> None:
        """Forget a call that was not made: it may have been stored all the same, and would be paid for."""
        self._put_aside(partial(forget_call, run_id=self._context.run_id, item=item))

    def _put_aside(self, write: Callable[[Connection], T]) -> asyncio.Future[T]:
        done = self._database.put(write, lambda _: None, locks=self._locks)
        done.add_done_callback(_log_failure)
        return done


def _log_failure(done: asyncio.Future[Any]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        logger.warning("call_not_logged", exc_info=error)
