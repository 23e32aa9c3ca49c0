"""``vital ask``."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from vital_cli.options import Events, Json, Waterfall

__all__ = ["ApprovalChoice", "ask"]


class ApprovalChoice(str, Enum):
    """The treatment of the tool calls that modes 1 and 3 suggest."""

    ALL = "all"
    NONE = "none"
    ASK = "ask"


def ask(
    context: typer.Context,
    question: Annotated[
        str | None,
        typer.Argument(metavar="QUESTION", help="The question, in quotes; a workflow may have its own."),
    ] = None,
    mode: Annotated[
        int,
        typer.Option(
            min=1,
            max=4,
            help="1, 2: a single question; 3, 4: a conversation. In 1 and 3 you approve tool calls.",
        ),
    ] = 2,
    agent: Annotated[
        str, typer.Option(help="The agent that answers: see `vital agents list`.")
    ] = "generalist",
    tenant: Annotated[
        str, typer.Option(help="The tenant whose documents are searched, in addition to the shared ones.")
    ] = "local",
    user: Annotated[str, typer.Option(help="The user of the request.")] = "local",
    session: Annotated[
        str | None, typer.Option(help="The conversation to continue, in modes 3 and 4.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model that writes, instead of the agent's.")] = None,
    rag: Annotated[bool, typer.Option("--rag/--no-rag", help="Search the documents.")] = True,
    tools: Annotated[bool, typer.Option("--tools/--no-tools", help="Allow tools to be suggested.")] = True,
    tool: Annotated[list[str] | None, typer.Option(help="A tool to call in any case; repeatable.")] = None,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Run one node after another: the same answer, slower.")
    ] = False,
    approve: Annotated[
        ApprovalChoice, typer.Option(help="The decision on the tool calls that modes 1 and 3 suggest.")
    ] = ApprovalChoice.ASK,
    workflow: Annotated[
        str | None,
        typer.Option(
            help="The workflow that answers: a name in the configuration, module:Class, or file.py:Class; "
            "by default the one that `vital serve` asks."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of the workflow's input; repeatable."),
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", help="A JSON file with fields of the workflow's input.")
    ] = None,
    as_json: Json = False,
    events: Events = False,
    waterfall: Waterfall = False,
) -> None:
    """Ask your documents, or a workflow of your own, a question, and watch the answer arrive."""
    from vital_cli.own_input import read_input_file, read_settings, request_from
    from vital_cli.run_display import ask_for_each, choose_view, decided, follow
    from vital_cli.session import open_session
    from vital_cli.workflow_names import find_named_workflow

    view = choose_view(as_json=as_json, as_events=events)
    decide = {
        ApprovalChoice.ALL: decided(None),
        ApprovalChoice.NONE: decided(()),
        ApprovalChoice.ASK: ask_for_each,
    }[approve]
    found = find_named_workflow(workflow)
    options = {
        "mode": str(mode),
        "tenant_id": tenant,
        "user_id": user,
        "session_id": session,
        "agent_id": agent,
        "model": model,
        "enable_rag": rag,
        "enable_tools": tools,
        "requested_tools": tool or [],
        "execution": "sequential" if sequential else "parallel",
    }
    given = _given(context, options)
    fields = options | read_input_file(input_file) | read_settings(found.input_type, set_ or ()) | given
    if question is not None:
        fields["query"] = question
    elif "query" not in fields and found.input_type.model_fields["query"].is_required():
        raise typer.BadParameter("ask something", param_hint="QUESTION")
    asked = request_from(found.input_type, fields)
    with open_session() as opened:
        own = found.with_services(opened.services)
        follow(opened, own, own.execute_stream(asked), view, decide, target=workflow, waterfall=waterfall)


def _given(context: typer.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that the command line has: they go before a file's fields, and defaults behind."""
    parameters = {"tenant_id": "tenant", "user_id": "user", "session_id": "session", "agent_id": "agent"}
    parameters |= {"enable_rag": "rag", "enable_tools": "tools", "requested_tools": "tool"}
    parameters |= {"execution": "sequential"}
    sources = {name: context.get_parameter_source(parameters.get(name, name)) for name in options}
    return {
        name: options[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"
    }
