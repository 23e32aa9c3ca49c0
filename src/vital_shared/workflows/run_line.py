"""One log line for each run that has ended: the facts that an operator needs first, without its content."""

from __future__ import annotations

import logging
from typing import Any, Final

from vital_shared.billing.run_context import current_run_context
from vital_shared.errors import RunCancelled, RunFailed
from vital_shared.logs import get_logger
from vital_shared.models.money import to_dollars
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.store.run_record import EndedRun
from vital_shared.workflows.traits import known_traits

__all__ = ["log_end", "log_ended"]

logger = get_logger(__name__)
_lines: Final = logging.getLogger(__name__)


def log_end(
    run_id: str,
    request: WorkflowInput,
    answer: WorkflowOutput | None,
    error: RunFailed | None,
    seconds: float,
    agent_id: str | None,
) -> None:
    """Log how a run has ended; a paused one has not.

    :param seconds: the duration, without waits for the user.
    :param agent_id: the agent that answers; None: there is none in the workflow.
    """
    if not _lines.isEnabledFor(logging.INFO):
        return  # before it is put into words: in a library nobody may want to read it
    if answer is not None:
        outcome = _answered(answer)
    elif error is not None:
        outcome = _failed(error, seconds)
    else:
        return
    logger.info(
        "run_finished",
        run_id=run_id,
        tenant_id=request.tenant_id,
        mode=request.mode.value,
        **_agent(agent_id),
        **outcome,
    )


def log_ended(run: EndedRun) -> None:
    """Log the end of a run that nobody worked on any more: cancelled while it waited, expired, or lost."""
    request = run.request
    traits = known_traits(run.workflow)
    has_agent = traits is None or traits.has_agent
    logger.info(
        "run_finished",
        run_id=run.run_id,
        tenant_id=request.tenant_id,
        mode=request.mode.value,
        **_agent(request.agent_id if has_agent else None),
        status=run.status,
        duration_seconds=round(run.seconds, 4),
        cost_dollars=None,  # the ledger knows
        model=None,
        degradation_reasons=[],
    )


def _agent(agent_id: str | None) -> dict[str, str]:
    return {} if agent_id is None else {"agent_id": agent_id}


def _answered(answer: WorkflowOutput) -> dict[str, Any]:
    return {
        "status": "degraded" if answer.is_degraded else "success",
        "duration_seconds": round(answer.timings.total_seconds, 4),
        "cost_dollars": f"{answer.cost.total:f}",
        "model": answer.model,
        "degradation_reasons": list(answer.degradation_reasons),
        **({"retrieval_tuning": answer.retrieval_tuning} if answer.retrieval_tuning else {}),
    }


def _failed(error: RunFailed, seconds: float) -> dict[str, Any]:
    context = current_run_context.get()
    return {
        "status": "cancelled" if isinstance(error, RunCancelled) else "failed",
        "duration_seconds": round(seconds, 4),
        "cost_dollars": None if context is None else f"{to_dollars(context.nanos()):f}",
        "model": None,
        "degradation_reasons": [],
        "error_type": error.error_type,
        "node": error.node,
    }
