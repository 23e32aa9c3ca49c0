"""Run a node once for each item of a list, at the same time, each with its own failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vital_shared.graph.errors import NodeTimeout
from vital_shared.graph.node import Each
from vital_shared.graph.observer import tell
from vital_shared.graph.outcome import Outcome, describe
from vital_shared.graph.plan import Node

if TYPE_CHECKING:
    from vital_shared.graph.run import Run

__all__ = ["call_each"]

Call = Callable[[Sequence[Any]], Awaitable[Any]]


@dataclass(slots=True)
class _Fan:
    """One fan-out while it runs."""

    run: Run
    node: Node
    each: Each
    arguments: Sequence[Any]
    position: int
    items: list[Any]
    call: Call
    outcomes: list[Outcome[Any] | None]

    async def work(self, indices: Iterator[int]) -> None:
        """Take items until there are no more; as many of these run as the limit allows."""
        for index in indices:
            await self.one(index)

    async def one(self, index: int) -> None:
        run, item = self.run, self.items[index]
        arguments = list(self.arguments)
        arguments[self.position] = item
        start = run.now()
        tell(run.observers, "item_started", run, self.node, index, item)
        try:
            value = await self.bounded(arguments)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self.ended(index, start, error, "failed")  # it awaited something that was cancelled elsewhere
        except Exception as error:  # noqa: BLE001 - an item's failure is its own: recorded, and a degradation
            late = isinstance(error, NodeTimeout) and error.node == self.node.name
            self.ended(index, start, error, "timeout" if late else "failed")
        else:
            outcome = Outcome("success", value, None, run.now() - start)
            self.outcomes[index] = outcome
            tell(run.observers, "item_finished", run, self.node, index, item, outcome)

    async def bounded(self, arguments: Sequence[Any]) -> Any:
        seconds = self.each.item_timeout
        if seconds is None:
            return await self.call(arguments)
        try:
            async with asyncio.timeout(seconds) as scope:
                return await self.call(arguments)
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise NodeTimeout(node=self.node.name, seconds=seconds) from error

    def ended(self, index: int, start: float, error: BaseException, status: Any) -> None:
        run, node = self.run, self.node
        outcome: Outcome[Any] = Outcome(status, None, describe(error), run.now() - start)
        self.outcomes[index] = outcome
        tell(run.observers, "item_finished", run, node, index, self.items[index], outcome)
        run.degrade(node, node.reason_on_timeout if status == "timeout" else node.reason, error, index)


async def call_each(run: Run, node: Node, arguments: Sequence[Any], call: Call) -> tuple[Outcome[Any], ...]:
    """Call once per item, and return what became of each, in the items' order."""
    each = node.declaration.each
    assert each is not None  # noqa: S101 - for the type checker: the caller has looked
    position = node.item_position
    items = list(arguments[position])
    fan = _Fan(run, node, each, arguments, position, items, call, [None] * len(items))
    start = run.now()
    workers = 1 if run.sequential else min(len(items), each.limit or len(items))
    indices = iter(range(len(items)))
    try:
        async with asyncio.timeout(each.deadline) as scope, asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(fan.work(indices))
    except TimeoutError:
        if not scope.expired():
            raise
        late = NodeTimeout(node=node.name, seconds=each.deadline or 0.0)
        for index, outcome in enumerate(fan.outcomes):
            if outcome is None:
                fan.ended(index, start, late, "timeout")
    return tuple(outcome for outcome in fan.outcomes if outcome is not None)
