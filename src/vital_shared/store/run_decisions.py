"""Decisions on paused runs: written with the resumption that they belong to, and only ever added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, insert, select

from vital_shared.models.audit import AuditAction
from vital_shared.models.run_decision import DecisionKind, RunDecision
from vital_shared.store.audit import AuditedChange, add_entry
from vital_shared.store.run_decision_table import run_decisions
from vital_shared.store.stored_json import read_json

__all__ = ["add_decisions", "decisions_of"]


ACTIONS: Final[Mapping[DecisionKind, AuditAction]] = {
    "approved": "tool_approved",
    "edited": "tool_edited",
    "denied": "tool_denied",
    "answered": "run_answered",
}


def add_decisions(
    connection: Connection, run_id: str, decisions: Sequence[RunDecision], tenant_id: str
) -> None:
    """Add decisions behind those that there are, and to the audit log; the caller holds the run's row."""
    if not decisions:
        return
    last = select(func.max(run_decisions.c.number)).where(run_decisions.c.run_id == run_id)
    first = (connection.execute(last).scalar() or 0) + 1
    rows = [
        {"run_id": run_id, "number": number, "at": each.at, "decision": each.model_dump_json()}
        for number, each in enumerate(decisions, first)
    ]
    connection.execute(insert(run_decisions), rows)
    for each in decisions:
        add_entry(connection, _change(run_id, each, tenant_id))


def _change(run_id: str, decision: RunDecision, tenant_id: str) -> AuditedChange:
    """Return what the audit log notes; reasons, answers and arguments stay with the run."""
    return AuditedChange(
        ACTIONS[decision.kind],
        run_id,
        tenant_id,
        decision.at,
        person=decision.user_id,
        details={"subject": decision.subject, "tool": decision.tool},
    )


def decisions_of(connection: Connection, run_id: str) -> tuple[RunDecision, ...]:
    """Return the decisions on a run, the oldest first.

    :raises StoreError: when one is not what this version stores.
    """
    statement = (
        select(run_decisions.c.decision)
        .where(run_decisions.c.run_id == run_id)
        .order_by(run_decisions.c.number)
    )
    return tuple(read_json(RunDecision, text) for text in connection.execute(statement).scalars())
