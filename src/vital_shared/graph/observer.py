"""Notify observers of the events of a run: metrics, traces and event streams are observers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from vital_shared.graph.errors import PlanError
from vital_shared.graph.outcome import Degradation, NodeStatus, Outcome, RunStatus, Span
from vital_shared.graph.plan import Node, Plan

__all__ = ["ObservedRun", "Observer", "check_observers", "own_observers"]

logger = logging.getLogger("vital.graph")


class ObservedRun(Protocol):
    """The part of a run that observers may read."""

    plan: Plan
    degradations: list[Degradation]
    paused: dict[str, Any]
    """The requests of paused nodes, by the name of the value."""
    interrupted: frozenset[str]
    """The values of nodes that paused because a process died while it ran them."""
    observer_failures: int

    @property
    def seconds(self) -> float:
        """Total seconds that the run has run, without waiting for a person; final once it has ended."""
        ...

    def now(self) -> float:
        """Read the run's clock, in seconds."""
        ...

    def value(self, name: str, default: Any = None) -> Any:
        """Return the value of that name, or the default if no node has made it."""
        ...

    def spans(self) -> tuple[Span, ...]:
        """Return the waterfall: every node that has ended, in the order in which they started."""
        ...


class Observer:
    """Hooks that do nothing; override those you need.

    They are called on the event loop, in the order of the events, and must neither block nor await. If an
    observer raises, the error is logged and counted in `Run.observer_failures`, and the run continues.
    """

    def run_started(self, run: ObservedRun) -> None:
        """Note that the run starts, or continues after a pause."""

    def node_started(self, run: ObservedRun, node: Node) -> None:
        """Note that a node has all its values."""

    def node_finished(
        self, run: ObservedRun, node: Node, status: NodeStatus, seconds: float, error: BaseException | None
    ) -> None:
        """Note that a node has ended."""

    def step_started(self, run: ObservedRun, node: Node, name: str) -> None:
        """Note that a part of a streaming node's work begins; the name is ``node.step``."""

    def step_finished(
        self, run: ObservedRun, node: Node, name: str, status: NodeStatus, seconds: float
    ) -> None:
        """Note that such a part has ended; a step that is still open when its node ends is not reported."""

    def round_node_started(self, run: ObservedRun, node: Node, inner: Node, name: str) -> None:
        """Note that a node in a round of a loop has all its values; called where its code will run.

        :param node: the loop.
        :param inner: the node of the loop's graph.
        :param name: the name of its line, ``loop.round.node``.
        """

    def round_finished(
        self, run: ObservedRun, node: Node, number: int, carried: Any, value: Any, seconds: float
    ) -> None:
        """Note that a round of a loop has ended with a value.

        :param node: the loop.
        :param number: the number of the round, from 1 on.
        :param carried: the value of the round before, or that the loop starts from.
        """

    def round_kept(self, run: ObservedRun, node: Node, number: int) -> None:
        """Note that a round of a loop does not run, since a process before has finished it."""

    def item_started(self, run: ObservedRun, node: Node, index: int, item: Any) -> None:
        """Note that one item of a fan-out starts."""

    def item_finished(
        self, run: ObservedRun, node: Node, index: int, item: Any, outcome: Outcome[Any]
    ) -> None:
        """Note that one item of a fan-out has ended; a cancelled item ends with its node."""

    def item_kept(self, run: ObservedRun, node: Node, index: int, item: Any, outcome: Outcome[Any]) -> None:
        """Note that one item of a fan-out does not run, since a process before has finished it."""

    def degraded(self, run: ObservedRun, degradation: Degradation) -> None:
        """Note a degradation: something that the run must do without."""

    def run_finished(self, run: ObservedRun, status: RunStatus, error: BaseException | None) -> None:
        """Note that the run has ended or paused; nothing of it is running any more."""


def check_observers(graph: str, observers: object) -> tuple[Observer, ...]:
    """Return the observers that a graph names.

    :raises PlanError: when one is not an observer, such as a class instead of an object.
    """
    given = tuple(observers) if isinstance(observers, Sequence) else (observers,)
    for each in given:
        if not isinstance(each, Observer):
            what = f"the class {each.__name__}" if isinstance(each, type) else repr(each)
            raise PlanError(
                f"graph '{graph}' has {what} among its observers: "
                "write a tuple of objects whose class derives from Observer"
            )
    return given


def own_observers(target: object) -> tuple[Observer, ...]:
    """Return the observers of a graph's object.

    :raises PlanError: when one is not an observer.
    """
    observers = getattr(target, "observers", ())
    return check_observers(type(target).__name__, observers) if observers else ()


def notify(observers: Sequence[Observer], hook: str, run: ObservedRun, *details: Any) -> None:
    """Call one hook of each observer."""
    for observer in observers:
        try:
            getattr(observer, hook)(run, *details)
        except Exception:  # noqa: BLE001 - its fault must not become the run's; counted and logged
            observer_failed(run, observer, hook)


def observer_failed(run: ObservedRun, observer: Observer, hook: str) -> None:
    """Count and log an exception of an observer."""
    run.observer_failures += 1
    logger.exception(  # noqa: LOG004 - called from handlers only
        "observer_failed", extra={"observer": type(observer).__name__, "hook": hook}
    )
