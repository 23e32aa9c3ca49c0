"""The question and the answer of a run, as a turn of its conversation."""

from __future__ import annotations

from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.store.conversations import Turn

__all__ = ["turn_of"]


def turn_of(request: WorkflowInput, output: WorkflowOutput) -> Turn | None:
    """Return the turn that an answer adds to its conversation; None: it belongs to none."""
    if request.session_id is None:
        return None
    return Turn(
        session_id=request.session_id,
        tenant_id=request.tenant_id,
        user_id=request.user_id,
        question=request.query,
        answer=output.response,
    )
