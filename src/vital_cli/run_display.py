"""Follow a run from the question, over the approvals, to its end, and report the result."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import typer
from rich.prompt import Confirm

from vital_cli.problems import EXIT_WAITING
from vital_cli.session import Session
from vital_cli.terminal import ERR, OUT, can_ask, clean, is_live, say, say_drawing
from vital_cli.views.base import View
from vital_cli.views.live import LiveView
from vital_cli.views.plain import PlainView
from vital_cli.views.records import EventsView, JsonView
from vital_cli.views.words import call_in_words, how_to_approve, suggestion_lines, waterfall_of
from vital_shared.errors import RunFailed
from vital_shared.models.event import Event, RunFailedEvent, RunFinished, RunPaused
from vital_shared.models.tool import ToolCall
from vital_shared.models.workflow_io import WorkflowOutput
from vital_shared.workflows.workflow import Workflow

__all__ = ["Decide", "ask_for_each", "choose_view", "decided", "follow"]

Decide = Callable[[Sequence[ToolCall]], Sequence[str] | None]
"""The user's choice of the suggested calls, by their ids; None: nobody is there to decide."""


def choose_view(*, as_json: bool, as_events: bool) -> View:
    """Pick how a run is shown.

    :raises BadParameter: when two ways are asked for.
    """
    if as_json and as_events:
        raise typer.BadParameter("choose one of them", param_hint="--json, --events")
    if as_json or as_events:
        return JsonView() if as_json else EventsView()
    return LiveView(OUT) if is_live() else PlainView()


def follow(
    session: Session,
    workflow: Workflow[Any, Any],
    stream: AsyncGenerator[Event, None],
    view: View,
    decide: Decide,
    *,
    target: str | None,
    waterfall: bool,
) -> None:
    """Show a run, asking for approval where it pauses, and what came of it.

    Ctrl-C cancels it, while it runs and while it waits for an answer to the prompt.

    :param target: the workflow, as ``--workflow`` has it; None: the default one.
    :raises RunFailed: when there is no answer.
    :raises Exit: when it is left waiting for approval.
    """
    try:
        output = _to_the_end(session, workflow, stream, view, decide)
    except KeyboardInterrupt:
        say("Cancelled.", "yellow")
        raise
    view.conclude(output)
    if waterfall:
        say_drawing(waterfall_of(output.timings))
    if output.status == "awaiting_approval":
        say(how_to_approve(output, target), "yellow")
        raise typer.Exit(EXIT_WAITING)
    if "no_sources" in output.degradation_reasons and session.run(_is_empty(session, output.tenant_id)):
        say("There are no documents yet: add some with `vital ingest PATH`.", "yellow")


def _to_the_end(
    session: Session,
    workflow: Workflow[Any, Any],
    stream: AsyncGenerator[Event, None],
    view: View,
    decide: Decide,
) -> WorkflowOutput:
    output = _stretch(session, stream, view)
    while output.suggested_tools:  # what else a run may wait for is not answered here
        approved = _decision(session, output, decide)
        if approved is None:
            break
        output = _stretch(session, workflow.resume_stream(output.run_id, approved), view)
    return output


def _stretch(session: Session, stream: AsyncGenerator[Event, None], view: View) -> WorkflowOutput:
    """Show a run to its end or to its next pause."""
    with view:
        last = session.run(_show_all(stream, view))
    match last:
        case RunFinished(output=output) | RunPaused(output=output):
            return output
        case RunFailedEvent():
            raise RunFailed(last.message, run_id=last.run_id, node=last.node, error_type=last.error_type)
    raise RuntimeError("the events of the run ended early")


async def _show_all(stream: AsyncGenerator[Event, None], view: View) -> Event | None:
    last = None
    async with aclosing(stream) as events:  # whatever ends the loop early cancels the run
        async for event in events:
            view.show(event)
            last = event
    return last


async def _is_empty(session: Session, tenant_id: str) -> bool:
    return not await session.services.knowledge.list(tenant_id=tenant_id, limit=1)


def _decision(session: Session, output: WorkflowOutput, decide: Decide) -> Sequence[str] | None:
    services = session.services
    try:
        return decide(output.suggested_tools)
    except KeyboardInterrupt:
        say("")  # the prompt's line ends here
        session.run(services.runs.cancel_waiting(output.run_id, tenant_id=None, now=services.now()))
        raise


def decided(approved: Sequence[str] | None) -> Decide:
    """Make the same decision for every pause: these calls, or all of them (None)."""
    return lambda calls: [call.id for call in calls] if approved is None else approved


def ask_for_each(calls: Sequence[ToolCall]) -> Sequence[str] | None:
    """Show the calls, and ask for each whether it may be made; the end of input leaves it waiting."""
    say("Suggested tool calls:", "bold")
    for call in calls:
        what, why = suggestion_lines(call)
        say(f"  {what}\n      {why}", "")
    if not can_ask():
        return None
    try:
        return [call.id for call in calls if _may(call)]
    except EOFError:
        say("")
        return None


def _may(call: ToolCall) -> bool:
    return Confirm.ask(clean(f"Run {call_in_words(call)}?"), console=ERR, default=False)
