"""Run a loop: repeat a graph until its value is good enough or the limit is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import CoroutineType
from typing import Any

from vital_shared.graph.effects import PartGuard
from vital_shared.graph.errors import NodeError
from vital_shared.graph.kept_parts import kept_rounds
from vital_shared.graph.node import Declaration
from vital_shared.graph.observer import ObservedRun, Observer, notify
from vital_shared.graph.outcome import Degradation, NodeStatus
from vital_shared.graph.part_objects import find_part
from vital_shared.graph.plan import Node
from vital_shared.graph.state import RunState
from vital_shared.graph.step import Step
from vital_shared.graph.subworkflow import WHOLE_INPUT, Loop

__all__ = ["call_rounds"]


async def call_rounds(run: RunState, node: Node, arguments: Sequence[Any]) -> Any:
    """Return the value of the last round.

    A round is a run of the loop's graph, within the outer run: a failure ends that, and so does cancelling.
    """
    loop = _loop_of(node.declaration)
    graph, target = node.loop_over, find_part(run.target, node.path)
    inputs: dict[str, Any] = node.function(run.target, *arguments)
    outer, carried = inputs.get(WHOLE_INPUT), inputs.get(loop.carry)
    kept = kept_rounds(run, node, inputs)
    for number in range(1, loop.limit + 1):
        if number in kept:
            value = kept[number]
            run.keep_part(node, number)
            notify(run.observers, "round_kept", run, node, number)
        else:
            if WHOLE_INPUT in graph.plan.inputs:
                given = {name: value for name, value in inputs.items() if name != WHOLE_INPUT}
                inputs[WHOLE_INPUT] = graph.whole_input(outer, given | {loop.carry: carried})
            start = run.now()
            value = await _call_round(run, node, target, number, inputs)
            notify(run.observers, "round_finished", run, node, number, carried, value, run.now() - start)
        if _is_enough(loop, node, number, value):
            break
        inputs[loop.carry] = carried = value
    return value


async def _call_round(
    run: RunState, node: Node, target: object, number: int, inputs: Mapping[str, Any]
) -> Any:
    """Return the value of one round."""
    plan = node.loop_over.plan
    inner: Any = type(run)(  # a `Run`, which this module cannot import
        plan,
        target,
        inputs,
        observers=(_Round(run, node, number),),
        deliver=_delivery(run, node),
        sequential=run.sequential,
        effect_guard=None if run.effect_guard is None else PartGuard(run.effect_guard, node, number),
        clock=run.now,
    )
    try:
        await inner.execute()
    finally:
        if inner.failed_line is not None:
            run.failed_round_lines = run.failed_round_lines or {}
            run.failed_round_lines[node.name] = f"{node.name}.{number}.{inner.failed_line}"
            run.failed_hint = inner.failed_hint
    return inner.value(plan.outcome)


def _is_enough(loop: Loop, node: Node, number: int, value: Any) -> bool:
    """Return whether the loop ends with this value.

    :raises NodeError: when ``until`` fails, or what it returns is neither true nor false.
    """
    try:
        return bool(_plain(loop.until(value)))
    except Exception as error:
        raise NodeError(
            f"the 'until' of the loop '{node.name}' failed with {type(error).__name__} on the value of "
            f"round {number}: let it return true or false for each value that a round may make",
            node=node.name,
        ) from error


def _plain(found: Any) -> Any:
    """Return what an ``until`` has returned, unless that is a coroutine: it is true whatever it will find.

    :raises TypeError: when it is one.
    """
    if isinstance(found, CoroutineType):
        found.close()
        raise TypeError("it returned a coroutine")
    return found


def _loop_of(declaration: Declaration) -> Loop:
    assert declaration.loop is not None  # noqa: S101 - for the type checker: the caller has looked
    return declaration.loop


def _delivery(run: RunState, node: Node) -> Any:
    """Let what the nodes of a round yield reach the caller as the loop's."""
    deliver = run.deliver
    if deliver is None:
        return None

    async def delivered(_: Node, chunk: Any, item: int | None) -> None:
        await deliver(node, chunk, item)

    return delivered


class _Round(Observer):
    """The lines of one round: its nodes are steps of the loop."""

    def __init__(self, run: RunState, node: Node, number: int) -> None:
        self._run = run
        self._node = node
        self._number = number

    def _step(self, name: str, status: NodeStatus | None = None) -> None:
        self._run.step(self._node, Step(f"{self._number}.{name}", status))

    def node_started(self, run: ObservedRun, node: Node) -> None:
        """Begin a line."""
        self._step(node.name)
        self.round_node_started(run, node, node, node.name)

    def round_node_started(self, run: ObservedRun, node: Node, inner: Node, name: str) -> None:
        """Pass it on, as a node of this round, to the observers of the outer run."""
        line = f"{self._node.name}.{self._number}.{name}"
        notify(self._run.observers, "round_node_started", self._run, self._node, inner, line)

    def node_finished(
        self, run: ObservedRun, node: Node, status: NodeStatus, seconds: float, error: BaseException | None
    ) -> None:
        """End it."""
        self._step(node.name, status)

    def step_started(self, run: ObservedRun, node: Node, name: str) -> None:
        """Begin the line of a step, or of a round of a loop within this one."""
        self._step(name)

    def step_finished(
        self, run: ObservedRun, node: Node, name: str, status: NodeStatus, seconds: float
    ) -> None:
        """End it."""
        self._step(name, status)

    def degraded(self, run: ObservedRun, degradation: Degradation) -> None:
        """Note what the round has to do without as the outer run's."""
        name = f"{self._node.name}.{self._number}.{degradation.node}"
        found = Degradation(name, degradation.reason, degradation.error, degradation.item)
        self._run.degradations.append(found)
        notify(self._run.observers, "degraded", self._run, found)
