"""The parts of a workflow that its runs need."""

from __future__ import annotations

from typing import NamedTuple

from vital_shared.graph import Plan
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.workflows.services import Services
from vital_shared.workflows.traits import WorkflowTraits

__all__ = ["WorkflowParts", "stored_name"]


def stored_name(workflow: type) -> str:
    """Return the name of a class in the records of its runs: where it is found."""
    return f"{workflow.__module__}.{workflow.__qualname__}"


class WorkflowParts(NamedTuple):
    """A workflow as its runs see it."""

    target: object
    """The object whose methods the nodes are."""

    plan: Plan
    services: Services
    modes: frozenset[WorkflowMode]
    """The modes that it serves."""

    traits: WorkflowTraits

    @property
    def name(self) -> str:
        """The name in the record of its runs: where its class is found."""
        return stored_name(type(self.target))

    @property
    def class_name(self) -> str:
        """The name of its class, for traces."""
        return type(self.target).__name__
