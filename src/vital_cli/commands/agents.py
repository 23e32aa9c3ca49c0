"""``vital agents``."""

from __future__ import annotations

from typing import Annotated

import typer

from vital_cli.options import Json, Owner, Viewer, examples

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="The agents that answer: instructions, a model, tools, sources.")

AgentId = Annotated[str, typer.Argument(metavar="ID", help="Its id: see `vital agents list`.")]


@app.command("list", epilog=examples("vital agents list", "vital agents list --tenant acme"))
def list_agents(tenant: Viewer = None, as_json: Json = False) -> None:
    """List the agents."""
    from vital_cli.session import with_services
    from vital_cli.terminal import show_table, write_json

    agents = with_services(lambda services: services.agents.list(tenant_id=tenant))
    if as_json:
        write_json(agents)
        return
    show_table(
        [
            {
                "id": agent.profile.id,
                "tenant": agent.tenant_id or "(shared)",
                "name": agent.profile.name,
                "description": agent.profile.description,
            }
            for agent in agents
        ]
    )


@app.command(
    epilog=examples("vital agents show generalist", "vital agents show generalist --json > mine.json")
)
def show(agent_id: AgentId, tenant: Owner = None, as_json: Json = False) -> None:
    """Show an agent, instructions and all; its JSON is what `vital agents save` takes."""
    from vital_cli.session import with_services
    from vital_cli.terminal import show_fields, write_json

    agent = with_services(lambda services: services.agents.get(agent_id, tenant_id=tenant))
    if as_json:
        write_json(agent)
    else:
        show_fields(agent.model_dump())


@app.command(epilog=examples("vital agents save mine.json", "vital agents save - --tenant acme < mine.json"))
def save(
    file: Annotated[typer.FileText, typer.Argument(metavar="FILE", help="A file of JSON; - for stdin.")],
    tenant: Owner = None,
) -> None:
    """Store an agent, replacing the one with its id."""
    from vital_cli.agent_editor import read_profile
    from vital_cli.session import with_services
    from vital_cli.terminal import say

    profile = read_profile(file.read(), file.name)
    with_services(lambda services: services.agents.save(profile, tenant_id=tenant))
    say(f"Saved the agent {profile.id}.", "green")


@app.command(epilog=examples("vital agents edit generalist", "EDITOR=nano vital agents edit mine"))
def edit(agent_id: AgentId, tenant: Owner = None) -> None:
    """Edit an agent in your editor ($VISUAL, $EDITOR, else vi).

    With a tenant, a shared agent stays as it is, and the tenant gets one of its own with this id.
    """
    from vital_cli.agent_editor import edit_profile
    from vital_cli.session import open_session
    from vital_cli.terminal import say

    with open_session() as session:
        agents = session.services.agents
        profile = session.run(agents.get(agent_id, tenant_id=tenant))
        edited = edit_profile(profile)
        if edited == profile:
            say("Nothing was changed.")
            return
        session.run(agents.save(edited, tenant_id=tenant))
    say(f"Saved the agent {edited.id}.", "green")


@app.command(epilog=examples("vital agents delete mine", "vital agents delete mine --tenant acme"))
def delete(agent_id: AgentId, tenant: Owner = None) -> None:
    """Delete an agent; a shipped one comes back with the next start."""
    from vital_cli.session import with_services
    from vital_cli.terminal import say

    with_services(lambda services: services.agents.delete(agent_id, tenant_id=tenant))
    say(f"Deleted the agent {agent_id}.", "green")
