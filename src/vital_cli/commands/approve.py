"""``vital approve``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Events, Json, Waterfall

__all__ = ["approve"]


def approve(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run that waits.")],
    calls: Annotated[
        list[str] | None, typer.Argument(metavar="CALL", help="The ids of the calls that may be made.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All suggested calls may be made.")] = False,
    none: Annotated[bool, typer.Option("--none", help="Continue without any of them.")] = False,
    workflow: Annotated[
        str | None,
        typer.Option(
            help="The class that the run belongs to, if it is not configured: module:Class, or file.py:Class."
        ),
    ] = None,
    as_json: Json = False,
    events: Events = False,
    waterfall: Waterfall = False,
) -> None:
    """Resume a run that waits for approval, with the tool calls that you name.

    Without any, it asks about each one.
    """
    from vital_cli.run_display import ask_for_each, choose_view, decided, follow
    from vital_cli.session import open_session
    from vital_cli.workflow_names import workflow_of_run

    if bool(calls) + all_ + none > 1:
        raise typer.BadParameter("choose one of them", param_hint="CALL, --all, --none")
    view = choose_view(as_json=as_json, as_events=events)
    decide = ask_for_each if not (calls or all_ or none) else decided(None if all_ else calls or ())
    with open_session() as opened:
        services = opened.services
        record = opened.run(services.runs.get(run_id, tenant_id=None, now=services.now()))
        waits = record.status == "awaiting_approval" and record.output is not None
        approved = decide(record.output.suggested_tools) if waits and record.output else ()
        if approved is None:
            raise typer.BadParameter("say which calls may be made", param_hint="CALL, --all, --none")
        found, target = workflow_of_run(record.workflow, workflow)
        own = found.with_services(services)
        stream = own.resume_stream(run_id, approved)
        follow(
            opened,
            own,
            stream,
            view,
            decide,
            target=target,
            waterfall=waterfall,
        )
