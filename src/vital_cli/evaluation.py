"""Evaluate and tune with a progress bar."""

from __future__ import annotations

from collections.abc import Sequence

from vital_cli.progress import progress_bar
from vital_cli.session import Session
from vital_shared.workflows.evaluation.figures import EvalFigures
from vital_shared.workflows.evaluation.questions import KnownQuestion
from vital_shared.workflows.evaluation.tune import TuningResult, evaluate, tune

__all__ = ["evaluate_questions", "reset_tuning", "tune_retrieval"]


def evaluate_questions(
    session: Session, questions: Sequence[KnownQuestion], tenant: str | None
) -> EvalFigures:
    """Ask the questions.

    :raises VitalError: when a source does not answer.
    """
    with progress_bar("Asking") as advance:
        return session.run(evaluate(session.services, questions, tenant, advance))


def tune_retrieval(session: Session, questions: Sequence[KnownQuestion], tenant: str | None) -> TuningResult:
    """Fit a tuning and keep it.

    :raises InvalidRequest: when there are too few questions.
    :raises VitalError: when a source or the store does not answer.
    """
    with progress_bar("Asking by several weights") as advance:
        return session.run(tune(session.services, questions, tenant, advance))


def reset_tuning(session: Session, tenant: str | None) -> bool:
    """Remove a tenant's tuning; return whether there was one."""
    return session.run(session.services.tunings.store.remove(tenant))
