"""Remarks beside an answer: missing parts, quality, cost, and how to go on."""

from __future__ import annotations

from vital_cli.terminal import say
from vital_cli.views.words import figures
from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["remark"]


def remark(output: WorkflowOutput) -> None:
    """Print on stderr the remarks that belong to the answer and are not part of it."""
    for warning in output.warnings:
        say(f"Note: {warning.message}", "yellow")
    if output.status == "completed":
        say(figures(output))
        if output.session_id is not None:
            say(
                f"The conversation goes on with --mode {output.mode.value} --session {output.session_id}"
                + ("" if output.tenant_id == "local" else f" --tenant {output.tenant_id}")
            )
