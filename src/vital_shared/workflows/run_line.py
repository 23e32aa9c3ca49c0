"""One line of log for each run that has ended: what an operator asks first, and nothing of its content."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from vital_shared.errors import RunCancelled, RunFailed
from vital_shared.logs import get_logger
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.monitoring.bill import current_bill

__all__ = ["log_end"]

logger = get_logger(__name__)


def log_end(
    question: WorkflowInput, answer: WorkflowOutput | None, error: RunFailed | None, seconds: float
) -> None:
    """Log how a run has ended; a paused one has not. Its ids are bound to the context.

    :param seconds: how long it took, without waits for the user.
    """
    if answer is not None:
        told = _answered(answer)
    elif error is not None:
        told = _failed(error, seconds)
    else:
        return
    logger.info("run finished", mode=question.mode.value, agent_id=question.agent_id, **told)


def _answered(answer: WorkflowOutput) -> dict[str, Any]:
    return {
        "status": "degraded" if answer.is_degraded else "success",
        "duration_seconds": round(answer.timings.total_seconds, 4),
        "cost_dollars": f"{answer.cost.total:f}",
        "model": answer.model,
        "degradation_reasons": list(answer.degradation_reasons),
    }


def _failed(error: RunFailed, seconds: float) -> dict[str, Any]:
    bill = current_bill.get()
    return {
        "status": "cancelled" if isinstance(error, RunCancelled) else "failed",
        "duration_seconds": round(seconds, 4),
        "cost_dollars": None if bill is None else f"{Decimal(bill.nanos()).scaleb(-9):f}",
        "model": None,
        "degradation_reasons": [],
        "error_type": error.error_type,
        "node": error.node,
    }
