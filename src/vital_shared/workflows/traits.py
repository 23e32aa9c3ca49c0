"""The traits of a workflow class that its runs depend on."""

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
    """The facts about a workflow's runs that follow from its plan, found once for each class."""

    caching: Caching
    """The rules of the cache for its answers."""

    own_values: tuple[str, ...]
    """Names of the values of its own nodes, which its output has."""

    built_in: frozenset[str]
    """Names of its nodes that are those of the class of ours that it is made from."""

    answers_at_most: int
    """Runs of the built-in nodes in one run, in sub-workflows and loops too."""

    has_agent: bool
    """Whether an agent answers; otherwise there is none to look up, to count or to reserve for."""

    has_answer: bool
    """Whether a node makes the response."""

    has_result: bool
    """Whether its runs have a typed result."""

    input_type: type[WorkflowInput]
    """The class of its inputs."""

    is_assessed: bool
    """Whether the quality of its answers is checked."""


_known: Final[dict[str, WorkflowTraits]] = {}
"""The traits of the classes of this process, by the name that their runs are stored with."""


def remember_traits(stored_name: str, traits: WorkflowTraits) -> None:
    """Let the stored runs of a class be counted by its traits."""
    _known[stored_name] = traits


def known_traits(stored_name: str) -> WorkflowTraits | None:
    """Return the traits of a class, by the name that its runs are stored with; None: it is not here."""
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
    """Find out about the runs of a class.

    :param plan: the plan of the class.
    :param built_in: the plan of the class of ours that it is made from; None: it has no nodes.
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
    """Return the barrier that a class sets to caching, or else the first one of its parts."""
    if not is_cacheable:
        return "workflow_not_cacheable"
    return next((part.caching.barrier for part, _ in parts if part.caching.barrier is not None), None)


def _parts(plan: Plan) -> Iterator[tuple[WorkflowTraits, int]]:
    """Yield the traits of the workflows that a plan is made of, with their runs in one of it, at most.

    A plain graph has none, and may be made of workflows itself.
    """
    for part in plan.parts:
        if hasattr(part.graph, "traits"):
            yield part.graph.traits, part.times
        else:
            yield from ((traits, times * part.times) for traits, times in _parts(part.graph.plan))
