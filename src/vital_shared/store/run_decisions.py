"""Decisions on paused runs: written with the resumption that they belong to, and only ever added to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from vital_shared.models.run_decision import RunDecision
from vital_shared.store.run_decision_table import run_decisions
from vital_shared.store.stored_json import read_json

__all__ = ["add_decisions", "decisions_of"]


def add_decisions(connection: Connection, run_id: str, decisions: Sequence[RunDecision]) -> None:
    """Add decisions behind those that there are; the caller holds the run's row."""
    if not decisions:
        return
    last = select(func.max(run_decisions.c.number)).where(run_decisions.c.run_id == run_id)
    first = (connection.execute(last).scalar() or 0) + 1
    rows = [
        {"run_id": run_id, "number": number, "at": each.at, "decision": each.model_dump_json()}
        for number, each in enumerate(decisions, first)
    ]
    connection.execute(insert(run_decisions), rows)


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
