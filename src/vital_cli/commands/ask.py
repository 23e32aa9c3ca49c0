"""``vital ask``."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from vital_cli.options import Events, Json, Waterfall

__all__ = ["ApprovalChoice", "ask"]


class ApprovalChoice(str, Enum):
    """The treatment of the tool calls that modes 1 and 3 suggest."""

    ALL = "all"
    NONE = "none"
    ASK = "ask"


def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The question, in quotes.")],
    mode: Annotated[
        int,
        typer.Option(
            min=1,
            max=4,
            help="1, 2: a single question; 3, 4: a conversation. In 1 and 3 you approve tool calls.",
        ),
    ] = 2,
    agent: Annotated[str, typer.Option(help="Who answers: see `vital agents list`.")] = "generalist",
    tenant: Annotated[str, typer.Option(help="Whose documents, beside the shared ones.")] = "local",
    user: Annotated[str, typer.Option(help="Who asks.")] = "local",
    session: Annotated[
        str | None, typer.Option(help="The conversation to go on with, in modes 3 and 4.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Which model writes, instead of the agent's.")] = None,
    rag: Annotated[bool, typer.Option("--rag/--no-rag", help="Search the documents.")] = True,
    tools: Annotated[bool, typer.Option("--tools/--no-tools", help="Let tools be suggested.")] = True,
    tool: Annotated[
        list[str] | None, typer.Option(help="A tool to call in any case; may be given more than once.")
    ] = None,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="Run one node after another: the same answer, slower.")
    ] = False,
    approve: Annotated[
        ApprovalChoice, typer.Option(help="What happens with the tool calls that modes 1 and 3 suggest.")
    ] = ApprovalChoice.ASK,
    as_json: Json = False,
    events: Events = False,
    waterfall: Waterfall = False,
) -> None:
    """Ask a question of your documents, and watch the answer come."""
    from pydantic import ValidationError

    from vital_cli.problems import invalid
    from vital_cli.run_display import ask_for_each, choose_view, decided, follow
    from vital_cli.session import open_session
    from vital_shared.models.workflow_io import WorkflowInput
    from vital_shared.workflows.base_workflow import BaseWorkflow

    view = choose_view(as_json=as_json, as_events=events)
    decide = {
        ApprovalChoice.ALL: decided(None),
        ApprovalChoice.NONE: decided(()),
        ApprovalChoice.ASK: ask_for_each,
    }[approve]
    try:
        asked = WorkflowInput(
            query=question,
            mode=mode,
            tenant_id=tenant,
            user_id=user,
            session_id=session,
            agent_id=agent,
            model=model,
            enable_rag=rag,
            enable_tools=tools,
            requested_tools=tuple(tool or ()),
            execution="sequential" if sequential else "parallel",
        )
    except ValidationError as error:
        raise invalid(error) from error
    with open_session() as opened:
        stream = BaseWorkflow(opened.services).execute_stream(asked)
        follow(opened, stream, view, decide, waterfall=waterfall)
