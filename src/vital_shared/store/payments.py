"""Write what runs cost, with their ends; nothing that was spent is forgotten because the store was away."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from vital_shared.errors import StoreError
from vital_shared.logs import get_logger
from vital_shared.models.charge import Charge
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.monitoring.bill import Bill
from vital_shared.monitoring.spent import count_charge
from vital_shared.store.database import Database
from vital_shared.store.group_commit import Job
from vital_shared.store.ledger import record, spending_lock

__all__ = ["Payments"]

logger = get_logger(__name__)

KEPT: Final = 10_000
"""Runs whose charges wait for the store; beyond it the oldest are logged in full instead."""


class _Owed(NamedTuple):
    run_id: str
    question: WorkflowInput
    charges: tuple[Charge, ...]
    at: datetime


class Payments:
    """Writes charges into the ledger, and counts them once they are there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owed: deque[_Owed] = deque()

    async def settle(
        self,
        bill: Bill | None,
        now: datetime,
        job: Job[bool],
        after: Callable[[], None],
    ) -> bool:
        """Write the end or the pause of a run together with its charges, and return what the job returns.

        It is written also when who waits is cancelled. Where it cannot be written, the charges alone are
        kept, and go with the next ones.

        :param after: called once it is written.
        :raises StoreError: when the database is not there or does not answer.
        """
        owed = _Owed(bill.run_id, bill.question, bill.unwritten, now) if bill and bill.unwritten else None

        def write(connection: Connection) -> tuple[bool, tuple[Charge, ...]]:
            new = _record(connection, owed) if owed else ()
            return job(connection), new

        def written(result: tuple[bool, tuple[Charge, ...]]) -> None:
            after()
            if bill is not None and owed is not None:
                bill.mark_written(len(owed.charges))
                _count(owed, result[1])

        done = self._database.put(
            write, written, locks=spending_lock(bill.question.tenant_id) if bill else ""
        )
        if owed is not None:
            done.add_done_callback(lambda ended: self._keep(owed) if _failed(ended) else None)
        changed, _ = await asyncio.shield(done)
        if self._owed:
            await self.catch_up()
        return changed

    async def catch_up(self) -> None:
        """Try to write what is owed; what the store still does not take stays."""
        while self._owed:
            owed = self._owed.popleft()
            try:
                await asyncio.shield(self._put(owed))
            except StoreError:
                self._owed.appendleft(owed)
                return

    async def aclose(self) -> None:
        """Try a last time; what is not taken is logged in full, so that it can be entered by hand."""
        await self.catch_up()
        while self._owed:
            _log(self._owed.popleft())

    def _put(self, owed: _Owed) -> Any:
        def write(connection: Connection) -> tuple[Charge, ...]:
            return _record(connection, owed)

        return self._database.put(
            write, lambda new: _count(owed, new), locks=spending_lock(owed.question.tenant_id)
        )

    def _keep(self, owed: _Owed) -> None:
        self._owed.append(owed)
        if len(self._owed) > KEPT:
            _log(self._owed.popleft())


def _record(connection: Connection, owed: _Owed) -> tuple[Charge, ...]:
    return record(connection, owed.run_id, owed.question, owed.charges, owed.at)


def _count(owed: _Owed, new: tuple[Charge, ...]) -> None:
    for charge in new:
        count_charge(owed.question.mode.value, owed.question.tenant_id, charge)


def _failed(ended: asyncio.Future[Any]) -> bool:
    return ended.cancelled() or ended.exception() is not None


def _log(owed: _Owed) -> None:
    for charge in owed.charges:
        logger.error(
            "a charge is not in the ledger",
            run_id=owed.run_id,
            tenant_id=owed.question.tenant_id,
            mode=owed.question.mode.value,
            agent_id=owed.question.agent_id,
            at=owed.at.isoformat(),
            charge=json.loads(charge.model_dump_json()),
        )
