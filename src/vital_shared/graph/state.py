"""The state of a run: its values, the status and times of each node, and its degradations."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from vital_shared.graph.checkpoint import Checkpoint
from vital_shared.graph.effects import EffectGuard
from vital_shared.graph.errors import AnswerError, CheckpointError, GraphError, NodeError
from vital_shared.graph.failed_attempt import FailedAttempt
from vital_shared.graph.finished_node import NO_PARTS, NO_VALUE, FinishedNode, part_name
from vital_shared.graph.observer import Observer, notify
from vital_shared.graph.outcome import Degradation, NodeStatus, Span, describe
from vital_shared.graph.part_key import part_key
from vital_shared.graph.pending_call import CallSite
from vital_shared.graph.plan import MISSING, Node, Plan
from vital_shared.graph.prune import prune
from vital_shared.graph.step import Step

__all__ = ["RunState", "StepTiming"]

MIN_FORGOTTEN_CALLS: Final = 64
"""Calls of a node from which on those that were awaited are forgotten."""

Deliver = Callable[[Node, Any, int | None], Awaitable[None]]
"""A function that takes what a node yields, and the index of the item where it is fanned out."""


@dataclass(slots=True)
class StepTiming:
    """A step of a node that has started, and may have ended."""

    node: Node
    name: str
    start: float
    end: float = 0.0
    status: NodeStatus | None = None

    def span(self, state: RunState, zero: float) -> Span:
        """Return its line; an open one ends with its node."""
        end, status = self.end, self.status
        if status is None:
            end, status = state._ends[self.node.index], state._statuses[self.node.index]  # noqa: SLF001 - its own state
        return Span(self.name, status or "cancelled", self.start - zero, end - zero)


class RunState:
    """The state of a `Run`: small, with slots, and in no reference cycle, so that it is freed immediately."""

    __slots__ = (
        "_checkpoint",
        "_clock",
        "_cut",
        "_ends",
        "_error",
        "_group",
        "_pending",
        "_queue",
        "_seconds",
        "_started",
        "_starts",
        "_statuses",
        "_steps",
        "_values",
        "degradations",
        "deliver",
        "earlier_parts",
        "effect_guard",
        "failed_attempts",
        "failed_hint",
        "failed_line",
        "failed_node",
        "failed_round_lines",
        "interrupted",
        "made_calls",
        "observer_failures",
        "observers",
        "paused",
        "plan",
        "sequential",
        "target",
    )

    _group: asyncio.TaskGroup | None
    """The owner of the tasks while nodes run at the same time."""
    _queue: deque[int]
    """Nodes that are ready, while nodes run one after another."""

    def __init__(
        self,
        plan: Plan,
        target: object,
        inputs: Mapping[str, Any],
        *,
        observers: Sequence[Observer] = (),
        deliver: Deliver | None = None,
        sequential: bool = False,
        checkpoint: Checkpoint | None = None,
        answers: Mapping[str, Any] | None = None,
        earlier_parts: Mapping[str, FinishedNode] = NO_PARTS,
        effect_guard: EffectGuard | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        count = len(plan.nodes)
        try:
            self._values = list(map(inputs.__getitem__, plan.inputs))
        except KeyError as error:
            raise GraphError(f"graph '{plan.name}' needs the input {error}: pass it") from None
        self._values += [MISSING] * count
        self.plan = plan = prune(plan, self._values) if plan.switches else plan
        self.target = target
        self.observers = observers
        self.deliver = deliver
        self.earlier_parts = earlier_parts
        """The items and rounds that have finished in a process before, by `part_name`."""
        self.effect_guard = effect_guard
        self.sequential = sequential
        self.degradations: list[Degradation] = []
        self.failed_attempts: list[FailedAttempt] = []
        self.paused: dict[str, Any] = {}
        """Requests of paused nodes, by the name of their value."""
        self.interrupted: frozenset[str] = frozenset()
        """The values of those that have paused since a process died in them."""
        self.failed_node: Node | None = None
        self.failed_line: str | None = None
        """The line of what has failed: the node, within a loop that of the round, as ``loop.2.node``."""
        self.failed_hint = ""
        """The value that the failed node reads and that is not of its type, in words; empty: none."""
        self.made_calls: dict[str, list[CallSite]] | None = None
        """The calls that a node has to await, by the node; made with the first one."""
        self.failed_round_lines: dict[str, str] | None = None
        """The lines of what has failed within loops, by the loop; made with the first one."""
        self.observer_failures = 0
        self._clock = clock
        self._pending = list(plan.needs)
        self._starts = [0.0] * count
        self._ends = [0.0] * count
        self._statuses: list[NodeStatus | None] = [None] * count
        self._steps: list[StepTiming] | None = None
        """Made with the first one: few nodes have steps."""
        self._started: float | None = None
        self._seconds = 0.0
        self._error: BaseException | None = None
        self._cut: Node | None = None
        self._checkpoint = checkpoint
        if checkpoint is not None:
            self._restore(checkpoint, answers or {})
        elif answers:
            raise AnswerError(
                f"graph '{plan.name}' starts from the beginning, so nothing waits for answers: "
                "pass a checkpoint"
            )

    def now(self) -> float:
        """Read the run's clock, in seconds."""
        return self._clock()

    def value(self, name: str, default: Any = None) -> Any:
        """Return the value of that name, or the default where nobody has made it."""
        slot = self.plan.slots.get(name)
        if slot is None or self._values[slot] is MISSING:
            return default
        return self._values[slot]

    def degrade(self, node: Node, reason: str, error: BaseException | str, item: int | None = None) -> None:
        """Record that the run has to do without something.

        :param error: the cause, as an exception or in words.
        """
        words = error if isinstance(error, str) else describe(error)
        degradation = Degradation(node.name, reason, words, item)
        self.degradations.append(degradation)
        notify(self.observers, "degraded", self, degradation)

    def note_failure(self, node: Node, error: BaseException, item: int | None = None) -> None:
        """Record a failed attempt at a node, whatever follows it."""
        self.failed_attempts.append(FailedAttempt(node.name, item, type(error), describe(error)))

    def note_call(self, node: Node, site: CallSite) -> None:
        """Record that a node has made a call, which it has to await."""
        made = self.made_calls = {} if self.made_calls is None else self.made_calls
        calls = made.setdefault(node.name, [])
        calls.append(site)
        if len(calls) >= MIN_FORGOTTEN_CALLS and len(calls).bit_count() == 1:  # at 64, 128, …: not each time
            calls[:] = [each for each in calls if not each.is_used]

    def _not_awaited(self, node: Node, error: BaseException) -> NodeError | None:
        """Return an error that says which call the node has used as a value; None: there is none."""
        if not isinstance(error, TypeError | AttributeError | ValueError):
            return None
        calls = (self.made_calls or {}).get(node.name, ())
        site = next((each for each in calls if not each.is_used), None)
        if site is None:
            return None
        for each in calls:
            each.is_used = True  # reported: without a warning
        broken = NodeError(
            f"{site.not_awaited}, and has no value yet: write await in front of it", node=node.name
        )
        broken.__cause__ = error
        return broken

    def step(self, node: Node, step: Step, item: int | None = None) -> None:
        """Record that a part of a streaming node's work begins or ends."""
        owner = node.name if item is None else f"{node.name}[{item}]"
        name = f"{owner}.{step.name}"
        steps = self._steps = [] if self._steps is None else self._steps
        if step.status is None:
            steps.append(StepTiming(node, name, self._clock()))
            notify(self.observers, "step_started", self, node, name)
            return
        for begun in reversed(steps):
            if begun.name == name and begun.status is None:
                begun.status, begun.end = step.status, self._clock()
                notify(
                    self.observers, "step_finished", self, node, name, step.status, begun.end - begun.start
                )
                return
        raise GraphError(
            f"node '{node.name}' ends the step '{step.name}', which has not begun: yield it before"
        )

    @property
    def seconds(self) -> float:
        """Seconds that the run has run in all, without waits for a person; final once it has ended."""
        return self._seconds

    def spans(self) -> tuple[Span, ...]:
        """Return the waterfall: every node that has ended, in the order of their starts."""
        earlier, zero = self._checkpoint, self._zero
        ended = [span for span in earlier.spans if span.status != "cancelled"] if earlier else []
        own = [
            Span(node.name, status, self._starts[node.index] - zero, self._ends[node.index] - zero)
            for node in self.plan.nodes
            if (status := self._statuses[node.index]) is not None
        ]
        own += [step.span(self, zero) for step in self._steps or () if self._statuses[step.node.index]]
        return (*ended, *sorted(own, key=lambda span: span.start))

    @property
    def _zero(self) -> float:
        """The time of the run's start by its clock, later by what an earlier process has run of it."""
        return (self._started or 0.0) - (self._checkpoint.seconds if self._checkpoint else 0.0)

    def finished(self, node: Node, *, is_trusted: bool = False) -> FinishedNode | None:
        """Write down what a node has made that has ended; None: JSON cannot hold the type of its value.

        :param is_trusted: whether its values are known to come back as they are, which costs time to see.
        :raises CheckpointError: when its value would not come back as it is.
        """
        status, value, zero = self._statuses[node.index], self._values[node.slot], self._zero
        assert status is not None  # noqa: S101 - for the type checker: it has ended
        stored = None
        if status == "success":
            try:
                write = self.plan.types.dump if is_trusted else self.plan.types.write
                stored = write(node.makes, value)
            except TypeError:
                return None
        steps = [step for step in self._steps or () if step.node is node]
        within = f"{node.name}."
        return FinishedNode.model_construct(
            name=node.name,
            status=status,
            value=stored,
            spans=(
                Span(node.name, status, self._starts[node.index] - zero, self._ends[node.index] - zero),
                *(step.span(self, zero) for step in steps),
            ),
            degradations=tuple(
                each for each in self.degradations if each.node == node.name or each.node.startswith(within)
            ),
        )

    def finished_part(
        self, node: Node, number: int, key: str, value: Any, *, is_trusted: bool = False
    ) -> FinishedNode | None:
        """Write down what an item of a fan-out, or a round of a loop, has made.

        None: JSON cannot hold its type.

        :param key: the key of what it was made from.
        :param value: the value of the round, or of a node with this item alone.
        :param is_trusted: as in `finished`.
        :raises CheckpointError: when its value would not come back as it is.
        """
        try:
            write = self.plan.types.dump if is_trusted else self.plan.types.write
            stored = write(node.makes, value)
        except TypeError:
            return None
        name, zero = part_name(node.name, number), self._zero
        is_loop = node.loop_over is not None
        within = f"{node.name}.{number}." if is_loop else f"{name}."
        return FinishedNode.model_construct(
            name=name,
            status="success",
            value=stored,
            spans=tuple(
                step.span(self, zero)
                for step in self._steps or ()
                if step.name.startswith(within) and step.status is not None
            ),
            degradations=tuple(
                each
                for each in self.degradations
                if each.node.startswith(within)
                or (each.node == node.name and each.item == number and not is_loop)
            ),
            key=key,
        )

    def kept_value(self, node: Node, number: int, made_from: Any) -> Any:
        """Return what an item or a round has made in a process before; MISSING: it has to run.

        :param made_from: the item, or the value that the round starts from.
        """
        part = self.earlier_parts.get(part_name(node.name, number))
        if part is None or part.key != part_key(made_from):
            return MISSING
        try:
            return self.plan.types.read(node.makes, part.value)
        except (CheckpointError, TypeError):
            return MISSING

    def keep_part(self, node: Node, number: int) -> None:
        """Take over the lines and the degradations of an item or a round that does not run again."""
        part, zero = self.earlier_parts[part_name(node.name, number)], self._zero
        self.degradations.extend(part.degradations)
        if part.spans:
            steps = self._steps = [] if self._steps is None else self._steps
            steps += [
                StepTiming(node, span.node, span.start + zero, span.end + zero, span.status)
                for span in part.spans
            ]

    def checkpoint(self) -> Checkpoint:
        """Write down what there is so far.

        Values whose types JSON cannot hold are left out; they are made again.

        :raises CheckpointError: when a value would not come back as it is.
        """
        values: dict[str, Any] = {}
        absent: dict[str, NodeStatus] = dict(self._checkpoint.absent) if self._checkpoint else {}
        for node in self.plan.nodes:
            status, value = self._statuses[node.index], self._values[node.slot]
            if value is not MISSING:
                with suppress(TypeError):  # no type that JSON can hold: the node runs again
                    values[node.makes] = self.plan.types.write(node.makes, value)
            elif status in NO_VALUE and node.declaration.optional:
                absent[node.name] = status
        return Checkpoint(
            fingerprint=self.plan.fingerprint,
            seconds=self._seconds,
            values=values,
            absent=absent,
            paused=tuple(self.paused),
            spans=self.spans(),
            degradations=tuple(self.degradations),
        )

    def _restore(self, checkpoint: Checkpoint, answers: Mapping[str, Any]) -> None:
        values = checkpoint.read(self.plan) | self._answered(checkpoint.paused, answers)
        self._seconds = checkpoint.seconds
        self.degradations.extend(checkpoint.degradations)
        done = [node for node in self.plan.nodes if node.makes in values or node.name in checkpoint.absent]
        for node in done:
            self._values[node.slot] = values.get(node.makes, MISSING)
            for successor in node.successors:
                self._pending[successor] -= 1
        for node in done:
            self._pending[node.index] = -1  # never 0 again, whatever is made anew before it

    def _answered(self, paused: Sequence[str], answers: Mapping[str, Any]) -> dict[str, Any]:
        """Check that what the run waits for is answered, and nothing else."""
        waits = ", ".join(f"'{name}'" for name in paused) or "nothing"
        missing = sorted(name for name in paused if name not in answers)
        if missing:
            names, it = ", ".join(f"'{name}'" for name in missing), "it" if len(missing) == 1 else "them"
            raise AnswerError(f"graph '{self.plan.name}' waits for {names}: pass {it} in answers")
        for name in answers:
            if name not in paused:
                raise AnswerError(f"graph '{self.plan.name}' does not wait for '{name}', but for {waits}")
        return {name: self.plan.types.answer(name, answers[name]) for name in paused}
