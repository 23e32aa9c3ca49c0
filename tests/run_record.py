"""The record of a run that begins, for tests of the store."""

from __future__ import annotations

from datetime import datetime, timedelta

from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.store.runs import RunRecord

__all__ = ["run_record"]


def run_record(request: WorkflowInput, now: datetime, run_id: str = "run_1") -> RunRecord:
    """Make the record of a request's run, which may take five minutes."""
    return RunRecord(
        id=run_id,
        tenant_id=request.tenant_id,
        user_id=request.user_id,
        mode=request.mode,
        workflow="w",
        plan="p",
        input=request,
        created_at=now,
        deadline_at=now + timedelta(minutes=5),
    )
