"""The context of the current run: its id, its request and its charges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from decimal import Decimal
from itertools import count
from typing import Final

from vital_shared.models.charge import Charge, CostType
from vital_shared.models.money import to_dollars
from vital_shared.models.workflow_io import WorkflowInput

__all__ = ["RunContext", "current_run_context", "spent_so_far"]


class RunContext:
    """The charges of one run, in the order in which they came; parts add to it from any task or thread.

    :param run_id: the run.
    :param request: its input, with the tenant and the mode.
    :param written: charges that the ledger has already, of the part before a pause.
    :param note: writes down what was charged, or is expected to be, so that it outlives this process.
    """

    def __init__(
        self,
        run_id: str,
        request: WorkflowInput,
        written: Sequence[Charge] = (),
        note: Callable[[Charge], None] | None = None,
    ) -> None:
        self.run_id = run_id
        self.request = request
        self._note = note
        self._charges = list(written)
        self._written = len(written)
        self._numbers = count(max((int(each.item.rpartition("/")[2]) for each in written), default=0) + 1)

    def add(self, charge: Charge) -> None:
        """Add a charge, its item named by `next_item`."""
        self._charges.append(charge)
        self.expect(charge)

    def expect(self, charge: Charge) -> None:
        """Note a charge that is to come, should this process die before: the real one has the same item."""
        if self._note is not None:
            self._note(charge)

    def next_item(self, kind: str) -> str:
        """Name the next thing of a kind, such as ``llm/3``; no name is given twice, also after a pause."""
        return f"{kind}/{next(self._numbers)}"

    @property
    def charges(self) -> tuple[Charge, ...]:
        """All charges."""
        return tuple(self._charges)

    @property
    def unwritten(self) -> tuple[Charge, ...]:
        """Those that the ledger does not have yet."""
        return tuple(self._charges[self._written :])

    def mark_written(self, charges: int) -> None:
        """Note that the ledger has this many of the charges, in their order, or is owed them."""
        self._written = max(self._written, charges)

    def nanos(self) -> int:
        """Return what was spent in all, in nano-dollars."""
        return sum(each.cost_nanos for each in self._charges)

    def nanos_by_type(self) -> dict[CostType, int]:
        """Return what was spent for each type that something was charged for, in nano-dollars."""
        found: dict[CostType, int] = {}
        for each in self._charges:
            found[each.cost_type] = found.get(each.cost_type, 0) + each.cost_nanos
        return found


current_run_context: Final[ContextVar[RunContext | None]] = ContextVar("current_run_context", default=None)
"""The context of the run that this code works for; None outside of runs. Tasks and threads inherit it."""


def spent_so_far() -> Decimal:
    """Return what the run has cost that this code works for, in dollars."""
    context = current_run_context.get()
    return Decimal(0) if context is None else to_dollars(context.nanos())
