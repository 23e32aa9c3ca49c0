"""A workflow whose runs fail when the question demands it: no model's failure does that."""

from __future__ import annotations

from typing import Final

from vital_shared.errors import VitalError
from vital_shared.graph import node
from vital_shared.workflows.base_workflow import BaseWorkflow

__all__ = ["FaultyWorkflow", "end_with_error"]

FAIL_MARKER: Final = "end with an error!"


class DrillFailure(VitalError):
    """The run was to fail."""


class FaultyWorkflow(BaseWorkflow):
    """The workflow that answers, with a step on the way that may fail."""

    @node
    async def breaking_point(self, query: str) -> bool:
        """Let the run go on.

        :raises DrillFailure: when the question says so.
        """
        if FAIL_MARKER in query:
            raise DrillFailure("The run was to fail.")
        return True


def end_with_error(question: str) -> str:
    """Word a question so that its run fails."""
    return f"{question} {FAIL_MARKER}"
