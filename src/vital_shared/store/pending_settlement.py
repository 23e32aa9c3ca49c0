"""A settlement, while this process tries to write it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vital_shared.errors import StoreError
from vital_shared.models.charge import Charge
from vital_shared.monitoring.spent import count_charge
from vital_shared.monitoring.workflow_label import workflow_label
from vital_shared.store.settlement import Settlement
from vital_shared.store.write_errors import describe

__all__ = ["PendingSettlement", "Written"]

Written = tuple[bool, tuple[Charge, ...]]
"""The result of a write: whether the run was still running, and the charges that were not there yet."""


class PendingSettlement:
    """A settlement, on its way into the store.

    :param settlement: the charges and the end of a run.
    :param after: called once its end is written.
    :param ended: whether the run was still running; it fails where the end is set aside or spooled.
    """

    def __init__(
        self,
        settlement: Settlement,
        after: Callable[[], None] | None = None,
        ended: asyncio.Future[bool] | None = None,
    ) -> None:
        self.settlement = settlement
        self.after = after
        self.is_spooled = False
        """Whether it waits on disk alone."""
        self.ended = ended or asyncio.get_running_loop().create_future()
        self.ended.add_done_callback(_retrieve)

    @property
    def characters(self) -> int:
        """The memory that it takes, roughly."""
        end = self.settlement.end
        words = sum(each.characters for each in self.settlement.calls)
        return words + (len(end.output or "") if end else 0)

    @property
    def has_ended(self) -> bool:
        """Whether the run was still running, and has ended with this."""
        future = self.ended
        is_known = future.done() and not future.cancelled() and future.exception() is None
        return is_known and future.result()

    def parts(self) -> tuple[PendingSettlement, ...]:
        """Return each charge, and the end, as one that can be written without the others."""
        return tuple(
            PendingSettlement(part, self.after, self.ended) if part.end else PendingSettlement(part)
            for part in self.settlement.parts
        )

    def settle(self, result: Written) -> None:
        """Count it, once it is written."""
        ended, new = result
        if self.settlement.end is not None and self.after is not None:
            self.after()
        payer = self.settlement.payer
        workflow = workflow_label(payer.workflow) if new else ""
        for charge in new:
            count_charge(payer.mode.value, payer.tenant_id, workflow, charge)
        if not self.ended.done():
            self.ended.set_result(ended)

    def fail(self, error: BaseException) -> None:
        """Note that it is not written."""
        if not self.ended.done():
            self.ended.set_exception(
                StoreError("The end of the run could not be written").detailed(describe(error))
            )


def _retrieve(ended: asyncio.Future[bool]) -> None:
    """Look at the result, since nobody may wait for it."""
    if not ended.cancelled():
        ended.exception()
