"""The tools that a model calls for a workflow's own node, whose prices are held before they are called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from vital_shared.models.money import nanos_at_most
from vital_shared.models.tool import ToolCall, ToolResult
from vital_shared.workflows.tool_loop import ToolLoop

__all__ = ["HeldToolLoop"]


class HeldToolLoop(ToolLoop):
    """A tool loop that holds the price of each call before it makes it.

    :param hold: holds an amount of nano-dollars, or raises.
    """

    def __init__(self, *given: Any, hold: Callable[[int], Awaitable[None]], **named: Any) -> None:
        super().__init__(*given, **named)
        self._hold = hold
        self._taken = 0

    async def make(self, calls: Sequence[ToolCall]) -> tuple[ToolResult, ...]:
        """Make the planned calls at the same time.

        :raises BudgetExceeded: when the tenant's budget does not allow it; none is made then.
        """
        await self._hold(sum(nanos_at_most(call.cost_dollars) for call in calls))
        return await super().make(calls)

    def take_made(self) -> tuple[ToolResult, ...]:
        """Return the results that were not taken yet."""
        new = tuple(self.made[self._taken :])
        self._taken = len(self.made)
        return new
