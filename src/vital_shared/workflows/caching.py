"""The cache rules for the answers of a workflow class."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic_core import PydanticSerializationError

from vital_shared.graph import Plan
from vital_shared.models.cache_reason import CacheReason
from vital_shared.models.workflow_io import WorkflowInput
from vital_shared.store.run_record import input_as_json
from vital_shared.workflows.code_version import code_version
from vital_shared.workflows.lost_fields import lost_fields
from vital_shared.workflows.own_nodes import own_nodes
from vital_shared.workflows.set_order import with_ordered_sets

__all__ = ["Caching", "caching_of"]


class Caching(NamedTuple):
    """The rules of the cache for the answers of one workflow class."""

    barrier: CacheReason | None
    """Reason for which no answer of the class may be given again; None: one may, to an equal request."""

    version: str
    """The version of the class; answers of other versions are not found."""

    inputs: frozenset[str]
    """The inputs that nodes of the class's own read."""

    @property
    def is_cacheable(self) -> bool:
        """Whether an answer may be given again to an equal request."""
        return self.barrier is None

    def barrier_of(self, request: WorkflowInput) -> CacheReason | None:
        """Return the reason for which the answer to a request may not be given again; None: it may.

        It may not where another request could have the same key, since JSON does not hold all that its
        nodes read.

        :raises InvalidRequest: when JSON cannot hold a field at all.
        """
        if self.barrier is not None:
            return self.barrier
        return "input_not_in_json" if lost_fields(request, self.inputs) else None

    def values(self, request: WorkflowInput) -> dict[str, Any]:
        """Return the values of these inputs as JSON; all of them where a node reads the whole input.

        A question that they read is among them, for only the built-in nodes take its case and blanks as
        equal, and only they know similar questions.

        :raises InvalidRequest: when JSON cannot hold one.
        """
        if not self.inputs:
            return {}
        included = None if "input" in self.inputs else set(self.inputs)
        try:
            return dict(with_ordered_sets(request, request.model_dump(mode="json", include=included)))
        except PydanticSerializationError:
            input_as_json(request)  # says which field it is
            raise


def caching_of(plan: Plan, built_in: Plan | None, *, barrier: CacheReason | None, version: str) -> Caching:
    """Find out how answers of a class are cached.

    An answer is given again only where it is the same for an equal request: not where a node has effects, or
    reads the id of the run, which no other run has.

    :param plan: the plan of the class.
    :param built_in: the plan of the class of ours that it is made from, whose own inputs the key of the
        cache knows; None: it has no nodes.
    :param barrier: the barrier that the class itself sets, or a part of it.
    """
    inputs = _own_inputs(plan, built_in)
    if barrier is None and any(node.declaration.effects for node in plan.nodes):
        barrier = "node_with_effects"
    if barrier is None and "run_id" in inputs:
        barrier = "node_reads_run_id"
    version = f"{version} {code_version(own_nodes(plan, built_in))}".strip()
    return Caching(barrier, version, inputs)


def _own_inputs(plan: Plan, built_in: Plan | None) -> frozenset[str]:
    names = {slot: name for name, slot in plan.slots.items() if name in plan.inputs}
    own = own_nodes(plan, built_in)
    return frozenset(names[slot] for node in own for slot in node.slots if slot in names)
