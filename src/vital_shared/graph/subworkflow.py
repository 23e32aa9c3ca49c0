"""Declare a graph as a part of another one, once or in a bounded loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Final

from vital_shared.graph.called_in_words import called_in_words
from vital_shared.graph.errors import PlanError

__all__ = ["OUTCOMES", "WHOLE_INPUT", "Loop", "Subworkflow", "repeat", "subworkflow"]

WHOLE_INPUT: Final = "input"
"""The input that holds all others: a part gets one of its own."""

OUTCOMES: Final = ("result", "answer")
"""The values that may be that of a part, the first that there is."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A bounded loop over a graph."""

    carry: str
    """The input of each round that is the value of the round before."""
    until: Callable[[Any], bool]
    limit: int
    """Rounds at most."""


@dataclass(frozen=True, slots=True)
class Subworkflow:
    """A graph as a part of another one."""

    graph: Any
    """Its class."""
    inputs: Mapping[str, str]
    """Values of the outer graph, by the inputs of the part."""
    loop: Loop | None = None

    @property
    def times(self) -> int:
        """Runs of the graph in one of the outer graph, at most."""
        return 1 if self.loop is None else self.loop.limit


@called_in_words("subworkflow")
def subworkflow(graph: type, /, **inputs: str) -> Any:
    """Make a graph a part of another one; the name of the attribute is the name of its value.

    Its nodes become nodes of the outer graph, with names such as ``review.answer``: each starts as soon as
    it has all its values, and has its own line, events and metrics. The part's value is that of its node
    ``result``, or else of ``answer``.

    >>> class Report(Workflow):
    ...     review = subworkflow(Review, text="draft")

    :param inputs: the names of outer values, by the inputs of the part that receive them; all other inputs
        receive the outer values of the same name.
    :raises PlanError: when `graph` is not a graph.
    """
    return Subworkflow(_checked(graph), inputs)


@called_in_words("repeat")
def repeat(graph: type, /, *, carry: str, until: Callable[[Any], bool], limit: int, **inputs: str) -> Any:
    """Repeat a graph until its value is good enough; the last round's value has the name of the attribute.

    Each round has its own lines and events, called ``polished.2.answer``.

    >>> class Report(Workflow):
    ...     polished = repeat(
    ...         Revision, carry="text", until=lambda text: len(text) < 900, limit=3, text="draft"
    ...     )

    :param carry: the input that receives the value of the previous round; in the first round, `inputs` apply.
    :param until: a function that returns whether a round's value ends the loop; it must neither block nor
        wait.
    :param limit: the maximum number of rounds; after the last one, its value is used.
    :param inputs: as in `subworkflow`.
    :raises PlanError: when `graph` is not a graph, or there is no limit.
    """
    checked = _checked(graph)
    if not callable(until):
        raise PlanError(
            f"a loop over '{checked.__name__}' has until={until!r}: write a function of its value"
        )
    if iscoroutinefunction(until) or iscoroutinefunction(getattr(until, "__call__", None)):  # noqa: B004 - its kind, not whether it has one
        raise PlanError(
            f"a loop over '{checked.__name__}' has an async 'until': write a plain function, and let a node "
            "of the loop's graph await what it needs"
        )
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise PlanError(f"a loop over '{checked.__name__}' has limit={limit!r}: write a number of rounds")
    return Subworkflow(checked, inputs, Loop(carry, until, limit))


def _checked(graph: Any) -> type:
    if not (isinstance(graph, type) and hasattr(graph, "plan")):
        raise PlanError(f"{graph!r} is not a workflow class: name a subclass of Graph or Workflow")
    return graph
