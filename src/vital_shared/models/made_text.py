"""The outcome of a run as a text, for interfaces that show nothing else."""

from __future__ import annotations

from pydantic_core import to_json

from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["made_text"]


def made_text(output: WorkflowOutput) -> str:
    """Return the response; of a workflow that makes none its result, or else its values, as JSON."""
    made = output.values if output.result is None else output.result
    if output.response or made in (None, {}):
        return output.response
    return to_json(made, indent=2).decode()
