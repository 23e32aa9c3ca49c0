"""A run that was stored earlier."""

from __future__ import annotations

from collections.abc import Sequence

from vital_cli.terminal import clean, write
from vital_cli.views.plain import PlainView
from vital_cli.views.words import call_in_words, how_to_approve, suggestion_lines, value_in_words
from vital_shared.models.run_decision import RunDecision
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.store.runs import RunRecord
from vital_shared.workflows.workflow_parts import stored_place

__all__ = ["show_record"]


def show_record(record: RunRecord, decisions: Sequence[RunDecision]) -> None:
    """Print a run: what was asked, who decided what while it waited, what came of it."""
    asked = record.input
    lines = [
        f"Run       {record.id}",
        f"Status    {_status(record)}",
        f"Asked     {record.created_at:%Y-%m-%d %H:%M:%S} UTC",
        f"By        {record.user_id} of {record.tenant_id}, in mode {record.mode.value}, of {asked.agent_id}",
        f"Question  {asked.query}",
    ]
    lines += [f"Decided   {_decision(each)}" for each in decisions]
    write(clean("\n".join(lines) + "\n\n"))
    if record.output is not None:
        _show_output(record.output, stored_place(record.workflow))


def _decision(made: RunDecision) -> str:
    who = made.user_id or made.key_id or "somebody"
    what = made.subject if made.tool is None else f"{made.subject} ({made.tool})"
    details = made.answer if made.kind == "answered" else made.reason or made.arguments
    return f"{made.at:%Y-%m-%d %H:%M:%S} UTC, {who} {made.kind} {what}: {value_in_words(details)}"


def _status(record: RunRecord) -> str:
    if record.error_message is not None:
        return f"{record.status}: {record.error_message}"
    if record.status == "awaiting_approval":
        return f"{record.status} until {record.deadline_at:%Y-%m-%d %H:%M} UTC"
    return record.status


def _show_output(output: WorkflowOutput, workflow: str) -> None:
    for call in output.suggested_tools:
        what, why = suggestion_lines(call)
        write(clean(f"{what}\n    {why}\n"))
    if output.status == "awaiting_approval":
        write(how_to_approve(output, workflow) + "\n")
    for result in output.tool_results:
        write(clean(f"{call_in_words(result)}: {result.content or result.error}\n"))
    write(clean(output.response))
    PlainView().conclude(output)
