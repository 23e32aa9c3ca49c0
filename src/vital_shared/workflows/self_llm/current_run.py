"""The run that a node's code works for, as the node itself may use it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, NamedTuple

from vital_shared.billing.run_context import RoundNode, RunContext, current_node
from vital_shared.graph import Node, Run
from vital_shared.workflows.events import RunEvents
from vital_shared.workflows.open_calls import OpenCalls
from vital_shared.workflows.services import Services

__all__ = ["CurrentRun", "current_run", "node_of_run"]


class CurrentRun(NamedTuple):
    """A run while it lives in this process."""

    services: Services
    graph_run: Run
    events: RunEvents
    context: RunContext
    open_calls: OpenCalls


current_run: Final[ContextVar[CurrentRun | None]] = ContextVar("current_run", default=None)
"""The run; None outside of runs. Tasks and threads inherit it."""


def node_of_run() -> Node | None:
    """Return the node of the run that this code works for, within a loop the loop; None outside of runs."""
    node = current_node.get()
    if isinstance(node, RoundNode):
        return node.loop
    return node if isinstance(node, Node) else None
