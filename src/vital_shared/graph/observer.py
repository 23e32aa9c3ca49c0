"""Tell observers what happens in a run. Metrics, traces and event streams are observers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vital_shared.graph.outcome import Degradation, NodeStatus, Outcome, RunStatus

if TYPE_CHECKING:
    from vital_shared.graph.plan import Node
    from vital_shared.graph.run import Run

__all__ = ["Observer"]

logger = logging.getLogger("vital.graph")


class Observer:
    """Hooks that do nothing; override those that matter.

    They are called on the event loop, in the order of what happens, and must neither block nor await. An
    observer that raises is logged and counted in `Run.observer_failures`; the run goes on.
    """

    def run_started(self, run: Run) -> None:
        """Note that the run starts, or goes on after a pause."""

    def node_started(self, run: Run, node: Node) -> None:
        """Note that a node has all it needs."""

    def node_finished(
        self, run: Run, node: Node, status: NodeStatus, seconds: float, error: BaseException | None
    ) -> None:
        """Note that a node has ended."""

    def step_started(self, run: Run, node: Node, name: str) -> None:
        """Note that a part of a streaming node's work begins; the name is ``node.step``."""

    def step_finished(self, run: Run, node: Node, name: str, status: NodeStatus, seconds: float) -> None:
        """Note that it has ended; a step that is still open when its node ends is not told."""

    def item_started(self, run: Run, node: Node, index: int, item: Any) -> None:
        """Note that one item of a fan-out starts."""

    def item_finished(self, run: Run, node: Node, index: int, item: Any, outcome: Outcome[Any]) -> None:
        """Note that one item of a fan-out has ended; one that is cancelled ends with its node."""

    def degraded(self, run: Run, degradation: Degradation) -> None:
        """Note that the run has to do without something."""

    def run_finished(self, run: Run, status: RunStatus, error: BaseException | None) -> None:
        """Note that the run has ended, or pauses; nothing of it runs any more."""


def tell(observers: Sequence[Observer], hook: str, run: Run, *details: Any) -> None:
    """Call one hook of each observer."""
    for observer in observers:
        try:
            getattr(observer, hook)(run, *details)
        except Exception:  # noqa: BLE001 - its fault must not become the run's; counted and logged
            observer_failed(run, observer, hook)


def observer_failed(run: Run, observer: Observer, hook: str) -> None:
    """Count and log what an observer has raised."""
    run.observer_failures += 1
    logger.exception(  # noqa: LOG004 - called from handlers only
        "observer %s failed in %s", type(observer).__name__, hook
    )
