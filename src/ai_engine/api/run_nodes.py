"""The nodes of a run, for its page: times, failed attempts, and the values that they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ai_engine.served_workflows import ServedWorkflow
from vital_shared.graph import Plan
from vital_shared.models.base import Frozen
from vital_shared.models.node_timing import NodeTiming
from vital_shared.models.run_steps import NodeFailure, RunSteps
from vital_shared.store.runs import RunRecord
from vital_shared.store.stored_json import read_json

__all__ = ["RunNode", "run_nodes"]


class RunNode(Frozen):
    """One node of a run."""

    node: str
    status: str
    start_seconds: float
    """Seconds since the run's start, without waits for a person, as is the next."""
    end_seconds: float
    reads: tuple[str, ...]
    """The names of the values that it reads: fields of the input, and values of other nodes.

    Empty for a step of a node, and where the workflow is not served any longer or has been changed."""

    failures: tuple[NodeFailure, ...]
    """Its failed attempts, whatever followed them."""


def run_nodes(record: RunRecord, served: ServedWorkflow | None) -> tuple[RunNode, ...]:
    """Return the nodes of a run, in the order of their starts.

    :param served: its workflow; None: it is not served any longer.
    :raises StoreError: when what is stored of them cannot be read.
    """
    timings, failures = _stored(record)
    plan = served.workflow.plan if served is not None else None
    reads = {} if plan is None or plan.fingerprint != record.plan else _reads(plan)
    return tuple(_node(timing, failures, reads) for timing in timings)


def _stored(record: RunRecord) -> tuple[Iterable[NodeTiming], tuple[NodeFailure, ...]]:
    if record.output is not None:
        return record.output.timings.nodes, record.output.node_failures
    steps = RunSteps() if record.steps is None else read_json(RunSteps, record.steps)
    return steps.nodes, steps.failures


def _node(
    timing: NodeTiming, failures: Iterable[NodeFailure], reads: Mapping[str, tuple[str, ...]]
) -> RunNode:
    return RunNode(
        node=timing.node,
        status=timing.status,
        start_seconds=timing.start_seconds,
        end_seconds=timing.end_seconds,
        reads=reads.get(timing.node, ()),
        failures=tuple(each for each in failures if each.node == timing.node),
    )


def _reads(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the names of the values that each node reads."""
    names = {slot: name for name, slot in plan.slots.items()}
    return {node.name: tuple(names[slot] for slot in node.slots if slot in names) for node in plan.nodes}
