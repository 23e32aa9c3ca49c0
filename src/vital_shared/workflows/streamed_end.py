"""The end of a durable run that its last owner streamed, but could not store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vital_shared.billing.run_context import RunContext
from vital_shared.errors import InvalidRequest, RunCancelled, RunFailed, StoreError
from vital_shared.events.memory import MemoryLog
from vital_shared.logs import get_logger
from vital_shared.models.cancellation import CANCELLED, CancelReason
from vital_shared.models.charge import Charge
from vital_shared.models.event import Outcome, RunFailedEvent, RunFinished
from vital_shared.store.run_record import RunRecord
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.services import Services
from vital_shared.workflows.turn import turn_of

__all__ = ["StreamedEnd"]

logger = get_logger(__name__)


class StreamedEnd(RunHandle):
    """A run that was taken over after its end was streamed: the end is stored, and nothing runs again.

    The previous owner has already counted it. Readers may have seen that end, so no other may follow.

    :param log: the log of the run; its last event is the end.
    :param record: the run as taken over by this worker.
    :param paid: the charges of the run in the ledger.
    :param carried: the charges of the run that are not in the ledger yet.
    """

    def __init__(
        self,
        services: Services,
        log: MemoryLog,
        record: RunRecord,
        workflow: str,
        *,
        paid: Sequence[Charge],
        carried: Sequence[Charge],
    ) -> None:
        super().__init__(log)
        self._services = services
        self._record = record
        self._fence = services.runs.fence(record)
        self._context = RunContext(
            record.id,
            record.input,
            paid,
            workflow=workflow,
            epoch=self._fence.epoch,
            fence=self._fence,
            carried=carried,
        )

    async def run(self) -> None:
        """Store the end; what the store does not take in time is written as soon as it does."""
        end = self.log.outcome
        if isinstance(end, RunFailedEvent):
            kind = RunCancelled if end.error_type in CANCELLED else RunFailed
            self.error = kind(end.message, run_id=self.run_id, node=end.node, error_type=end.error_type)
        try:
            async with asyncio.timeout(self._services.settings.store_seconds):
                self.has_departed = not await self._store(end)
        except (StoreError, InvalidRequest, TimeoutError):
            logger.exception("run_end_not_saved", run_id=self.run_id)
        else:
            logger.info("streamed_end_stored", run_id=self.run_id, is_own=not self.has_departed)

    async def _store(self, end: Outcome | None) -> bool:
        """Write it, and return whether the run was this worker's still."""
        now, runs = self._services.now(), self._services.runs
        if isinstance(end, RunFinished):
            return await runs.complete(
                self.run_id,
                output=end.output,
                turn=turn_of(self._record.input, end.output),
                now=now,
                context=self._context,
                last_seq=end.seq,
                fence=self._fence,
            )
        assert self.error is not None  # noqa: S101 - an end without an answer has one
        return await runs.fail(
            self.run_id,
            status="cancelled" if isinstance(self.error, RunCancelled) else "failed",
            error_type=self.error.error_type,
            message=self.error.message,
            node=self.error.node,
            now=now,
            context=self._context,
            fence=self._fence,
        )

    def cancel(self, reason: CancelReason = "cancelled") -> None:
        """Change nothing: it has ended."""

    def hand_over(self) -> None:
        """Change nothing: its end is being stored, by this worker or the next one."""
