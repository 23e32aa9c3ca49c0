"""The properties of a workflow class that affect its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from vital_shared.graph import Plan
from vital_shared.models.agent import AgentProfile
from vital_shared.models.answer import Answer, Quality
from vital_shared.models.cache_reason import CacheReason
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.workflows.caching import Caching, caching_of
from vital_shared.workflows.own_nodes import built_in_nodes, own_values
from vital_shared.workflows.typed_result import ANSWER_VALUE, RESULT_VALUE

__all__ = ["AGENT_VALUE", "QUALITY_VALUE", "WorkflowTraits", "known_traits", "remember_traits", "traits_of"]

AGENT_VALUE: Final = "load_agent"
QUALITY_VALUE: Final = "quality"


class WorkflowTraits(NamedTuple):
    """The properties of a workflow's runs that follow from its plan, computed once for each class."""

    caching: Caching
    """The rules of the cache for its answers."""

    own_values: tuple[str, ...]
    """Names of the values of its own nodes, which are part of its output."""

    built_in: frozenset[str]
    """Names of the nodes that it inherits unchanged from the built-in class."""

    answers_at_most: int
    """The maximum number of times that a run executes each built-in node, with sub-workflows and loops."""

    has_agent: bool
    """Whether an agent answers; otherwise none is looked up, counted or included in the reserved cost."""

    has_answer: bool
    """Whether a node makes the response."""

    has_result: bool
    """Whether runs have a typed result."""

    input_type: type[WorkflowInput]
    """The class of the input."""

    is_assessed: bool
    """Whether the quality of its answers is checked."""


_known: Final[dict[str, WorkflowTraits]] = {}
"""The traits of the classes in this process, by the workflow name of their stored runs."""


def remember_traits(stored_name: str, traits: WorkflowTraits) -> None:
    """Register the traits of a class, by which its stored runs are counted."""
    _known[stored_name] = traits


def known_traits(stored_name: str) -> WorkflowTraits | None:
    """Return the traits of a class by the workflow name of its stored runs; None: it is not known here."""
    return _known.get(stored_name)


def traits_of(
    plan: Plan,
    built_in: Plan | None,
    *,
    input_type: type[WorkflowInput],
    result_type: Any,
    is_cacheable: bool,
    cache_version: str,
) -> WorkflowTraits:
    """Return the traits of a class.

    :param plan: the plan of the class.
    :param built_in: the plan of the built-in class that it inherits from; None: that class has no nodes.
    """
    parts = tuple(_parts(plan))
    own_answers = 0 if built_in is None else 1
    outcome = (ANSWER_VALUE,) if result_type is None else (ANSWER_VALUE, RESULT_VALUE)
    return WorkflowTraits(
        caching_of(
            plan,
            built_in,
            barrier=_barrier(parts, is_cacheable=is_cacheable),
            version=" ".join((cache_version, *(part.caching.version for part, _ in parts))).strip(),
        ),
        tuple(name for name in own_values(plan, built_in) if name not in outcome),
        built_in_nodes(plan, built_in).union(*(part.built_in for part, _ in parts)),
        own_answers + sum(times * part.answers_at_most for part, times in parts),
        has_agent=plan.may_make(AGENT_VALUE, AgentProfile) or any(part.has_agent for part, _ in parts),
        has_answer=plan.may_make(ANSWER_VALUE, str | Answer),
        has_result=result_type is not None,
        input_type=input_type,
        is_assessed=plan.may_make(QUALITY_VALUE, Quality),
    )


def _barrier(parts: Sequence[tuple[WorkflowTraits, int]], *, is_cacheable: bool) -> CacheReason | None:
    """Return the reason why a class, or else the first of its parts, cannot be cached."""
    if not is_cacheable:
        return "workflow_not_cacheable"
    return next((part.caching.barrier for part, _ in parts if part.caching.barrier is not None), None)


def _parts(plan: Plan) -> Iterator[tuple[WorkflowTraits, int]]:
    """Yield the traits of the workflows in a plan, with the maximum number of their runs in one run of it.

    A plain graph has no traits, but may itself contain workflows.
    """
    for part in plan.parts:
        if hasattr(part.graph, "traits"):
            yield part.graph.traits, part.times
        else:
            yield from ((traits, times * part.times) for traits, times in _parts(part.graph.plan))
