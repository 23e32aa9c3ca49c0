"""``vital cache``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Json, examples

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Cached answers.")


@app.command(
    epilog=examples(
        "vital cache clear",
        "vital cache clear --tenant acme",
        "vital cache clear --mode 2 --agent generalist",
    )
)
def clear(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    mode: Annotated[int | None, typer.Option(min=1, max=4, help="Only those of this mode.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only this agent's.")] = None,
    as_json: Json = False,
) -> None:
    """Delete cached answers: no process finds them any more."""
    from vital_cli.session import with_services
    from vital_cli.terminal import say, write_json
    from vital_shared.cache.cache import DroppedAnswers
    from vital_shared.cache.clearing import clear as clear_answers
    from vital_shared.models.workflow_io import WorkflowMode
    from vital_shared.workflows.services import Services

    chosen = None if mode is None else WorkflowMode(str(mode))

    async def work(services: Services) -> DroppedAnswers:
        return await clear_answers(
            services.cache, services.epochs, tenant_id=tenant, mode=chosen, agent_id=agent
        )

    dropped = with_services(work)
    if as_json:
        write_json({"dropped": dropped.answers})
    else:
        say("Old answers are not found any more.", "green")


@app.callback()
def _group() -> None:
    """Keep ``clear`` a command of its own: a group with one command would be that command."""
