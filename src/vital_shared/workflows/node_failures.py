"""The failed attempts at the nodes of a run, described for its user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from vital_shared.errors import VitalError
from vital_shared.graph import FailedAttempt, GraphError, Run
from vital_shared.models.node_timing import NodeTiming
from vital_shared.models.run_steps import NodeFailure, RunSteps

__all__ = ["node_failures", "node_timings", "run_steps"]

MAX_NODE_FAILURES: Final = 100
"""Failures that are kept of a run, at most: a fan-out may have thousands of items."""


def node_failures(run: Run, earlier: Sequence[NodeFailure] = ()) -> tuple[NodeFailure, ...]:
    """Return the failed attempts of a run, those at one node or item together.

    :param earlier: those before a pause.
    """
    return (*earlier, *islice(_own(run.failed_attempts), max(0, MAX_NODE_FAILURES - len(earlier))))


def node_timings(run: Run) -> tuple[NodeTiming, ...]:
    """Return the times of the nodes that have ended."""
    return tuple(NodeTiming(span.node, span.status, span.start, span.end) for span in run.spans())


def run_steps(run: Run, earlier: Sequence[NodeFailure] = ()) -> RunSteps:
    """Return the steps of a run without an answer.

    :param earlier: its failed attempts before a pause.
    """
    return RunSteps(nodes=node_timings(run), failures=node_failures(run, earlier))


def _own(attempts: Sequence[FailedAttempt]) -> Iterator[NodeFailure]:
    together: dict[tuple[str, int | None], list[FailedAttempt]] = {}
    for attempt in attempts:
        together.setdefault((attempt.node, attempt.item), []).append(attempt)
    for (node, item), failed in together.items():
        yield NodeFailure(node=node, item=item, attempts=len(failed), error=_words(failed[-1]))


def _words(attempt: FailedAttempt) -> str:
    """Return the words of an error of ours, and the type of any other, whose words may hold anything."""
    return attempt.error if issubclass(attempt.kind, VitalError | GraphError) else attempt.kind.__name__
