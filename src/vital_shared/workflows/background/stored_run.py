"""A background run as the store has it: its end is waited for, and it is cancelled, from any process."""

from __future__ import annotations

import asyncio
from typing import Final

from vital_shared.errors import RunCancelled, RunFailed
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.run_line import log_ended
from vital_shared.workflows.run_metrics import count_ended
from vital_shared.workflows.services import Services

__all__ = ["cancel_run", "until_ended"]

LOOK_SECONDS: Final = 0.2


async def until_ended(services: Services, run_id: str, tenant_id: str | None) -> WorkflowOutput:
    """Wait for the end of a run, or its pause, and return what has come of it.

    :raises NotFound: when the tenant has no such run.
    :raises RunFailed: when there is no answer.
    """
    while True:
        record = await services.runs.get(run_id, tenant_id=tenant_id, now=services.now())
        if record.status not in ("queued", "running"):
            return _output_of(record)
        await asyncio.sleep(LOOK_SECONDS)


def _output_of(record: RunRecord) -> WorkflowOutput:
    if record.output is not None:
        return record.output
    kind = RunCancelled if record.status == "cancelled" else RunFailed
    raise kind(
        record.error_message or f"The run is {record.status}.",
        run_id=record.id,
        node=record.error_node,
        error_type=record.error_type or record.status,
    )


async def cancel_run(services: Services, run_id: str, tenant_id: str | None) -> bool:
    """Cancel a run: at once where it waits, else by its worker; return whether there was something to cancel.

    :raises NotFound: when the tenant has no such run.
    """
    ended = await services.runs.cancel_waiting(run_id, tenant_id=tenant_id, now=services.now())
    if ended is not None:
        longest_seconds = services.settings.run_timeout_seconds
        count_ended(ended, services.request_counts, longest_seconds=longest_seconds)
        log_ended(ended)
        return True
    record = await services.runs.get(run_id, tenant_id=tenant_id, now=services.now())
    return record.status == "running" and await services.background.request_cancel(run_id)
