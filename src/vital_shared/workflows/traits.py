"""The traits of a workflow class that its runs depend on."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from vital_shared.graph import Plan
from vital_shared.models.agent import AgentProfile
from vital_shared.models.answer import Answer, Quality
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.workflows.caching import Caching, caching_of
from vital_shared.workflows.own_nodes import built_in_nodes, own_values
from vital_shared.workflows.typed_result import ANSWER_VALUE, RESULT_VALUE

__all__ = ["AGENT_VALUE", "WorkflowTraits", "traits_of"]

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
    outcome = (ANSWER_VALUE,) if result_type is None else (ANSWER_VALUE, RESULT_VALUE)
    return WorkflowTraits(
        caching_of(plan, built_in, is_cacheable=is_cacheable, version=cache_version),
        tuple(name for name in own_values(plan, built_in) if name not in outcome),
        built_in_nodes(plan, built_in),
        has_agent=plan.may_make(AGENT_VALUE, AgentProfile),
        has_answer=plan.may_make(ANSWER_VALUE, str | Answer),
        has_result=result_type is not None,
        input_type=input_type,
        is_assessed=plan.may_make(QUALITY_VALUE, Quality),
    )
