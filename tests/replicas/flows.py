"""The workflow that the replicas hand over to each other."""

from __future__ import annotations

from vital_shared import BaseWorkflow

__all__ = ["DurableAnswers"]


class DurableAnswers(BaseWorkflow):
    """The built-in workflow, whose runs go on elsewhere."""

    durable = "nodes"
