"""Run a plan: each node as soon as its last value is available, without leaving tasks behind.

Every value is written once, by one node, into its slot. When a task has run a node, it continues with the
first node that has become ready; only the others get their own tasks. One `asyncio.TaskGroup` owns all tasks,
so that nothing is still running when `execute` returns or raises.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from vital_shared.graph.call import call_node
from vital_shared.graph.effects import InterruptedEffect
from vital_shared.graph.errors import GraphError, NodeError
from vital_shared.graph.json_value import json_value
from vital_shared.graph.misfit import find_misfit
from vital_shared.graph.no_value import DOUBTFUL_VALUES, no_value
from vital_shared.graph.node import Pause, Skip
from vital_shared.graph.observer import notify, observer_failed
from vital_shared.graph.outcome import NodeStatus, RunStatus
from vital_shared.graph.plan import MISSING, Node
from vital_shared.graph.state import RunState

__all__ = ["Run"]


class Run(RunState):
    """One execution of a plan.

    :param plan: the plan to execute.
    :param target: the object whose methods the nodes are.
    :param inputs: the values that no node makes; values that the plan does not need are ignored.
    :param observers: the observers of its events.
    :param deliver: a function that is awaited with each chunk of a streaming node, and with the index of the
        item if the node is fanned out; while it waits, so does the node.
    :param sequential: whether the nodes run one after another.
    :param checkpoint: the state to resume from.
    :param answers: the values of the paused nodes, by value name.
    :param earlier_parts: the items and rounds of nodes that a process before has finished, by `part_name`.
    :param effect_guard: a guard that is notified before a node with effects starts; None: no other process
        can continue the run.
    :param clock: a monotonic clock, in seconds.
    :raises GraphError: when an input is missing, or the checkpoint does not fit.
    """

    __slots__ = ()

    async def execute(self) -> None:
        """Run all nodes, or all that do not depend on a paused node.

        The failure of a required node cancels all running nodes, and is raised unchanged, with a note that
        names the node (`failed_node` is set). When this method returns or raises, nothing is still running.

        :raises GraphError: when it was called before.
        """
        if self._started is not None:
            raise GraphError(f"this run of graph '{self.plan.name}' was executed before: make a new Run")
        earlier = self._seconds
        self._started = started = self._clock()
        for observer in self.observers:
            try:
                observer.run_started(self)
            except Exception:  # noqa: BLE001 - its fault must not become the run's; counted and logged
                observer_failed(self, observer, "run_started")
        status: RunStatus = "failed"
        error: BaseException | None = None
        try:
            await self._execute()
            status = "paused" if self.paused else "success"
        except asyncio.CancelledError as raised:
            status, error = "cancelled", raised
            raise
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._seconds = earlier + self._clock() - started
            for observer in self.observers:
                try:
                    observer.run_finished(self, status, error)
                except Exception:  # noqa: BLE001 - the same
                    observer_failed(self, observer, "run_finished")
            error = None  # an exception that its own frame holds is a reference cycle

    async def _execute(self) -> None:
        ready = self._ready()
        if not ready:
            return
        try:
            if self.sequential or (len(ready) == 1 and not self.plan.branches):
                await self._one_by_one(ready)
            else:
                await self._together(ready)
        except BaseException:
            if self._error is None:  # a cancellation, or a bug of ours, shown whole
                raise
        if self._error is not None:
            first, self._error = self._error, None
            try:
                raise first
            finally:
                del first  # an exception that its own frame holds is a reference cycle

    async def _one_by_one(self, ready: Sequence[int]) -> None:
        self._group, self._queue = None, deque(ready)
        while self._queue:
            await self._drive(self._queue.popleft())

    async def _together(self, ready: Sequence[int]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for index in ready[1:]:
                    itself: list[asyncio.Task[None]] = []
                    itself.append(group.create_task(self._drive(index, itself)))
                await self._drive(ready[0])
        finally:
            self._group = None
        if self._cut is not None:  # a group takes it for nothing when one of its tasks ends as cancelled
            broken = f"node '{self._cut.name}' has cancelled its own task"
            self._note_failure(self._cut, NodeError(broken, node=self._cut.name))

    def _ready(self) -> Sequence[int]:
        """Return the nodes that can start at once: the roots, or after a pause those that were waiting."""
        if self._checkpoint is None:
            return self.plan.roots
        return [index for index, left in enumerate(self._pending) if left == 0]

    async def _drive(self, index: int, own: Sequence[asyncio.Task[None]] = ()) -> None:  # noqa: C901, PLR0912, PLR0915 - the hot loop, see below
        """Run a node, and then repeatedly the first node that has become ready.

        Every node passes through this code, so it is written for speed: function calls are expensive here.
        A new task finds itself in `own`, since asking asyncio for the current task takes a fifth of a node's
        time on Python 3.11.
        """
        nodes, values, pending = self.plan.nodes, self._values, self._pending
        starts, ends, statuses = self._starts, self._ends, self._statuses
        observers, clock, target, group = self.observers, self._clock, self.target, self._group
        task = own[0] if own else asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: this is a coroutine
        cancelling = task.cancelling
        before, now = 0 if own else cancelling(), clock()
        while index >= 0 and self._error is None:  # once a node has failed, no other starts
            node = nodes[index]
            starts[index] = start = now  # when the node before has ended
            for observer in observers:
                try:
                    observer.node_started(self, node)
                except Exception:  # noqa: BLE001 - its fault must not become the run's; counted and logged
                    observer_failed(self, observer, "node_started")
            try:
                if node.only >= 0:
                    value = await node.function(target, values[node.only])
                else:
                    arguments = node.take(values)
                    if node.defaults:
                        arguments = _with_defaults(arguments, node.defaults)
                    if node.plain:
                        value = await node.function(target, *arguments)
                    else:
                        value = await call_node(self, node, arguments)
                if type(value) in DOUBTFUL_VALUES and (broken := no_value(node, value)) is not None:
                    raise broken  # noqa: TRY301 - as if the node had raised it
                values[node.slot] = value
            except BaseException as error:  # noqa: BLE001 - a node may raise anything: raised or recorded
                if not self._goes_on(node, error, cancelled=cancelling() > before):
                    return
                now = ends[index]
            else:
                statuses[index] = "success"
                ends[index] = now = clock()
                for observer in observers:
                    try:
                        observer.node_finished(self, node, "success", now - start, None)
                    except Exception:  # noqa: BLE001 - the same
                        observer_failed(self, observer, "node_finished")
            if cancelling() > before:  # the node has swallowed its cancellation
                self._cut = node
                raise asyncio.CancelledError
            index = -1
            for successor in node.successors:
                pending[successor] = left = pending[successor] - 1
                if left:
                    continue
                if index < 0:
                    index = successor
                elif group is None:
                    self._queue.append(successor)
                else:
                    itself: list[asyncio.Task[None]] = []
                    itself.append(group.create_task(self._drive(successor, itself)))

    def _goes_on(self, node: Node, error: BaseException, *, cancelled: bool) -> bool:
        """Record a node that made no value, and return whether the run continues.

        Raise the error that ends the run.
        """
        declared = node.declaration
        if cancelled and isinstance(error, asyncio.CancelledError | Pause):
            self._cut = node
            self._finish(node, "cancelled", error)
            raise error if isinstance(error, asyncio.CancelledError) else asyncio.CancelledError
        if isinstance(error, Pause) and (declared.pauses or isinstance(error, InterruptedEffect)):
            broken = _unwritable(node, error.request)
            if broken is None:
                self.paused[node.makes] = error.request
                if isinstance(error, InterruptedEffect):
                    self.interrupted |= {node.makes}
                self._finish(node, "paused", None)
                return False
            error = broken
        if isinstance(error, Skip) and declared.optional:
            self._finish(node, "skipped", None)
            return True
        error = _broken_rule(node, error) or self._not_awaited(node, error) or error
        self.note_failure(node, error)
        self._finish(node, "timeout" if node.timed_out(error) else "failed", error)
        if declared.optional and isinstance(error, Exception):
            self.degrade(node, node.reason_of(error), error)
            return True
        self._note_failure(node, error)
        raise error

    def _note_failure(self, node: Node, error: BaseException) -> None:
        error.add_note(f"in node '{node.name}' of {self.plan.name} ({node.place})")
        if self._error is None:
            self._error, self.failed_node = error, node
            self.failed_line = (self.failed_round_lines or {}).get(node.name, node.name)
            if not isinstance(error, GraphError):
                self.failed_hint = self.failed_hint or find_misfit(self.plan, self._values, node)
            if self.failed_hint:
                error.add_note(self.failed_hint)

    def _finish(self, node: Node, status: NodeStatus, error: BaseException | None) -> None:
        self._statuses[node.index] = status
        self._ends[node.index] = end = self._clock()
        seconds = end - self._starts[node.index]
        notify(self.observers, "node_finished", self, node, status, seconds, error)


def _unwritable(node: Node, request: Any) -> NodeError | None:
    """Return why nobody could be asked what a node has paused with; None: it can be shown and stored."""
    try:
        json_value(node.name, "pauses with", request)
    except NodeError as error:
        return error
    return None


def _broken_rule(node: Node, error: BaseException) -> NodeError | None:
    """Return the rule that a node broke, as an error; None: it broke none."""
    if isinstance(error, asyncio.CancelledError):  # nobody has cancelled its task
        broken = "was cancelled from within: it awaited something that was cancelled elsewhere"
    elif isinstance(error, GeneratorExit):
        broken = "raised GeneratorExit, which means that a generator is closed"
    elif isinstance(error, Pause):
        broken = "pauses and is not declared so: pauses=True"
    elif isinstance(error, Skip):
        broken = "skips and is not declared so: optional=True"
    else:
        return None
    rule = NodeError(f"node '{node.name}' {broken}", node=node.name)
    rule.__cause__ = error
    return rule


def _with_defaults(arguments: tuple[Any, ...], defaults: tuple[tuple[int, Any], ...]) -> tuple[Any, ...]:
    """Put the parameters' defaults where optional nodes have made nothing."""
    filled = list(arguments)
    for position, default in defaults:
        if filled[position] is MISSING:
            filled[position] = default
    return tuple(filled)
