"""The evidence of a run of chaos: the questions, the provider's log, the store, the counters and the faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from tests.chaos.calls import Call
from tests.chaos.counters import CounterWatch
from tests.chaos.dashboards import Shown
from tests.chaos.faults import Happened
from tests.chaos.provider import Provider
from tests.chaos.question import Question
from tests.chaos.stored import LedgerRow, Stored

__all__ = ["CutCall", "Evidence"]

IN_FLIGHT_SECONDS: Final = 10.0
"""A call that was answered this long before a fault is written: its count is, once its node has finished."""


@dataclass(frozen=True)
class CutCall:
    """A call whose count no row has, and the flagged estimate that stands for it."""

    call: Call
    row: LedgerRow | None


@dataclass(frozen=True)
class Evidence:
    """All of it."""

    questions: Sequence[Question]
    provider: Provider
    stored: Stored
    counters: CounterWatch
    reserved: dict[str, int]
    """The most that runs were seen to have reserved, in nano-dollars."""
    happened: Sequence[Happened]
    shown: Shown
    """Values on the dashboards; empty where no Prometheus has watched."""

    @cached_property
    def acknowledged(self) -> list[Question]:
        """The questions whose clients were given a run's id, or an answer."""
        return [each for each in self.questions if each.run_id]

    @cached_property
    def rows_by_question(self) -> dict[int, list[LedgerRow]]:
        """The ledger's rows of each question."""
        found: dict[int, list[LedgerRow]] = {}
        for row in self.stored.rows:
            found.setdefault(self.stored.runs[row.run_id].question, []).append(row)
        return found

    @cached_property
    def received(self) -> set[int]:
        """The ids of the calls whose count is in the ledger."""
        return {row.call for row in self.stored.rows if row.call is not None}

    @cached_property
    def cut_calls(self) -> list[CutCall]:
        """The calls without a row of their own count, each with a row of its question that is an estimate."""
        left = {
            question: [row for row in rows if row.call is None]
            for question, rows in self.rows_by_question.items()
        }
        return [
            CutCall(call, left[call.question].pop(0) if left.get(call.question) else None)
            for call in self.provider.log.calls
            if call.id not in self.received
        ]

    def may_be_cut(self, call: Call) -> bool:
        """Return whether a call was under way, or only just received, when a worker's runs were taken."""
        ended = call.ended_at or float("inf")
        return any(
            call.begun_at <= each.ended_at and ended >= each.begun_at - IN_FLIGHT_SECONDS
            for each in self.happened
            if each.fault.takes_runs
        )
