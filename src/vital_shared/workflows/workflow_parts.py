"""The parts of a workflow that its runs need."""

from __future__ import annotations

from typing import NamedTuple

from vital_shared.graph import Plan
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.workflows.services import Services
from vital_shared.workflows.traits import WorkflowTraits

__all__ = ["WorkflowParts"]


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
        return f"{type(self.target).__module__}.{type(self.target).__qualname__}"

    @property
    def class_name(self) -> str:
        """The name of its class, for traces."""
        return type(self.target).__name__
