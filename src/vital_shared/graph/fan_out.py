"""Run a node once for each item of a list, concurrently; each item may fail alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from vital_shared.graph.errors import NodeError, NodeTimeout
from vital_shared.graph.in_time import in_time
from vital_shared.graph.kept_parts import kept_items
from vital_shared.graph.no_value import DOUBTFUL_VALUES, no_value
from vital_shared.graph.node import Pause
from vital_shared.graph.observer import notify
from vital_shared.graph.outcome import Outcome, describe
from vital_shared.graph.plan import Node
from vital_shared.graph.state import RunState

__all__ = ["call_each"]

Call = Callable[[int, Sequence[Any]], Awaitable[Any]]
"""A call of the node for the item of an index."""


async def call_each(
    run: RunState, node: Node, arguments: Sequence[Any], call: Call
) -> tuple[Outcome[Any], ...]:
    """Call once per item, and return what became of each, in the items' order."""
    each = node.declaration.each
    assert each is not None  # noqa: S101 - for the type checker: the caller has looked
    given = arguments[node.item_position]
    items = _items(node, given)
    if not items:
        return ()
    fan = _Fan(run, node, arguments, items, call, each.item_timeout)
    left = fan.keep()
    workers = 1 if run.sequential else min(len(left), each.limit or len(left))
    indices = iter(left)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(fan.work(indices)) for _ in range(workers)]
        # The timer cancels the items and not this task: an exception through the group would be a
        # reference cycle.
        timer = each.deadline and asyncio.get_running_loop().call_later(each.deadline, fan.stop, tasks)
    if timer:
        timer.cancel()
    if None in fan.outcomes:
        late = NodeTimeout(node=node.name, seconds=each.deadline or 0.0)
        fan.give_up(late if fan.stopped else _cancelled_within(node))
    return tuple(outcome for outcome in fan.outcomes if outcome is not None)


def _items(node: Node, given: Any) -> tuple[Any, ...]:
    """Return the items of a list; a text or a mapping is a mistake, and none of its parts is an item."""
    if given is None:
        return ()
    if isinstance(given, str | bytes | bytearray | Mapping) or not isinstance(given, Iterable):
        over = node.declaration.each.over if node.declaration.each else ""
        raise NodeError(
            f"node '{node.name}' ({node.place}) fans out over '{over}', whose type is "
            f"{type(given).__name__}: make it a tuple or a list",
            node=node.name,
        )
    return tuple(given)


def _cancelled_within(node: Node) -> NodeError:
    return NodeError(f"an item of node '{node.name}' was cancelled from within", node=node.name)


def _is_cancelled() -> bool:
    """Return whether this task is being cancelled; asked anew, since a frame holding its task is a cycle."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Fan:
    """One fan-out while it runs."""

    __slots__ = ("arguments", "call", "item_timeout", "items", "node", "outcomes", "run", "starts", "stopped")

    def __init__(
        self,
        run: RunState,
        node: Node,
        arguments: Sequence[Any],
        items: tuple[Any, ...],
        call: Call,
        item_timeout: float | None,
    ) -> None:
        self.run = run
        self.node = node
        self.arguments = arguments
        self.items = items
        self.call = call
        self.item_timeout = item_timeout
        self.stopped = False
        """Whether the deadline has passed."""
        self.starts: list[float | None] = [None] * len(items)
        self.outcomes: list[Outcome[Any] | None] = [None] * len(items)

    def keep(self) -> Sequence[int]:
        """Take over what a process before has finished, and return the items that are left to run."""
        kept = kept_items(self.run, self.node, self.items)
        for index, outcome in kept.items():
            self.run.keep_part(self.node, index)
            self.outcomes[index] = outcome
            notify(self.run.observers, "item_kept", self.run, self.node, index, self.items[index], outcome)
        return [index for index in range(len(self.items)) if index not in kept]

    async def work(self, indices: Iterator[int]) -> None:
        """Take items until there are no more; as many of these run as the limit allows."""
        for index in indices:
            await self.one(index)
            if _is_cancelled():  # the item has swallowed it, and the next must not start
                return

    async def one(self, index: int) -> None:
        """Run one item, whatever becomes of it."""
        arguments = list(self.arguments)
        arguments[self.node.item_position] = self.items[index]
        self.started(index)
        try:
            if self.node.declaration.effects and self.run.effect_guard is not None:
                await self.run.effect_guard.begin(self.node, index)
            value = await in_time(self.node.name, self.item_timeout, partial(self.call, index, arguments))
            if type(value) in DOUBTFUL_VALUES and (broken := no_value(self.node, value)) is not None:
                raise broken  # noqa: TRY301 - recorded as any other failure
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            within = _cancelled_within(self.node)
            within.__cause__ = error
            self.failed(index, within)
        except GeneratorExit as error:
            exited = NodeError(
                f"an item of node '{self.node.name}' raised GeneratorExit", node=self.node.name
            )
            exited.__cause__ = error
            self.failed(index, exited)
        except Pause as error:
            waiting = NodeError(
                f"an item of node '{self.node.name}' pauses, and a fan-out waits for nobody: pause in a node "
                "before it or behind it",
                node=self.node.name,
            )
            waiting.__cause__ = error
            self.failed(index, waiting)
        except Exception as error:  # noqa: BLE001 - an item's failure is its own: recorded, and a degradation
            self.failed(index, error)
        else:
            self.ended(index, "success", value, None)

    def stop(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Cancel what still runs at the deadline."""
        self.stopped = True
        for task in tasks:
            task.cancel()

    def give_up(self, error: NodeError) -> None:
        """Record the items that have ended without a word, those that never began included."""
        for index, outcome in enumerate(self.outcomes):
            if outcome is None:
                if self.starts[index] is None:
                    self.started(index)  # so that each start has its end
                self.failed(index, error)

    def failed(self, index: int, error: Exception) -> None:
        """Record an item without a value, and that the run has to do without it."""
        self.ended(index, "timeout" if self.node.timed_out(error) else "failed", None, describe(error))
        self.run.note_failure(self.node, error, index)
        self.run.degrade(self.node, self.node.reason_of(error), error, index)

    def started(self, index: int) -> None:
        """Record that an item starts, and notify the observers."""
        self.starts[index] = self.run.now()
        notify(self.run.observers, "item_started", self.run, self.node, index, self.items[index])

    def ended(
        self, index: int, status: Literal["success", "failed", "timeout"], value: Any, error: str | None
    ) -> None:
        """Record the outcome of an item, and notify the observers."""
        run, now = self.run, self.run.now()
        start = self.starts[index]
        outcome = Outcome(status, value, error, 0.0 if start is None else now - start)
        self.outcomes[index] = outcome
        notify(run.observers, "item_finished", run, self.node, index, self.items[index], outcome)
