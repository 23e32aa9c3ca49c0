"""``vital resume``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Events, Json, Waterfall

__all__ = ["resume"]


def resume(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run that waits.")],
    answer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="The value of a node that waits, as text or JSON; repeatable."
        ),
    ] = None,
    approve: Annotated[
        list[str] | None, typer.Option(metavar="CALL", help="The id of a tool call to make; repeatable.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All tool calls that are not denied are made.")] = False,
    edit: Annotated[
        list[str] | None,
        typer.Option(metavar="CALL=JSON", help="A tool call to make with other arguments; repeatable."),
    ] = None,
    deny: Annotated[
        list[str] | None,
        typer.Option(metavar="CALL=REASON", help="A tool call to deny, with the reason; repeatable."),
    ] = None,
    user: Annotated[str, typer.Option(help="The user who decides; stored with the run.")] = "local",
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
    """Resume a waiting run, with answers to its nodes and decisions on its tool calls."""
    from vital_cli.decisions import read_answers, read_edits, read_reasons
    from vital_cli.run_display import ask_for_each, choose_view, follow
    from vital_cli.session import open_session
    from vital_cli.workflow_names import workflow_of_run

    if approve and all_:
        raise typer.BadParameter("choose one of them", param_hint="--approve, --all")
    view = choose_view(as_json=as_json, as_events=events)
    with open_session() as opened:
        services = opened.services
        record = opened.run(services.runs.get(run_id, tenant_id=None, now=services.now()))
        found, target = workflow_of_run(record.workflow, workflow)
        own = found.with_services(services)
        stream = own.resume_stream(
            run_id,
            "all" if all_ else approve,
            answers=read_answers(found.plan.types, answer or ()),
            edited=read_edits(edit or ()),
            denied=read_reasons(deny or ()),
            user_id=user,
        )
        follow(
            opened,
            own,
            stream,
            view,
            ask_for_each,
            target=target,
            waterfall=waterfall,
        )
