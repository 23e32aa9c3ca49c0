"""Agents: their profiles over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic_core import to_json

from ai_engine.api.body import parse_model, read_json
from ai_engine.auth.caller import Caller
from ai_engine.background.label_names import refresh_label_names
from ai_engine.engine import engine_of
from vital_shared.errors import InvalidRequest, NotFound
from vital_shared.models.agent import AgentId, AgentProfile
from vital_shared.models.base import Frozen
from vital_shared.store.agents import StoredAgent
from vital_shared.workflows.services import Services

__all__ = ["AgentList", "router"]

router = APIRouter(prefix="/v1/agents", tags=["agents"])

Agent = Annotated[AgentId, Path()]

BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The agent; its id may be left out, since the path has it.",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/AgentProfile"},
                "example": {
                    "name": "Device classifier",
                    "system_prompt": "You classify medical devices. Answer from the passages alone.",
                    "tools": ["calculator"],
                },
            }
        },
    }
}


class AgentList(Frozen):
    """Agents, by id."""

    agents: tuple[StoredAgent, ...]


@router.get("", summary="List agents")
async def list_agents(request: Request) -> AgentList:
    """List the tenant's agents and the shared ones; without the tenant header, those of all."""
    agents = await engine_of(request).services.agents.list(tenant_id=Caller.of(request).tenant_id)
    return AgentList(agents=agents)


@router.get("/{agent_id}", summary="Show an agent")
async def show_agent(request: Request, agent_id: Agent) -> AgentProfile:
    """Show the tenant's own agent, or else the shared one."""
    return await engine_of(request).services.agents.get(agent_id, tenant_id=Caller.of(request).tenant_id)


@router.put("/{agent_id}", summary="Save an agent", openapi_extra=BODY)
async def save_agent(request: Request, agent_id: Agent) -> AgentProfile:
    """Save an agent of the tenant, which hides a shared one with its id.

    Without the tenant header it is shared by all.
    """
    caller, engine = Caller.of(request), engine_of(request)
    _, given = await read_json(request, engine.settings.max_body_bytes)
    if isinstance(given, dict) and given.setdefault("id", agent_id) != agent_id:
        raise InvalidRequest(
            f"id differs from the id in the path, {agent_id}: send the same id or none", field="id"
        )
    profile = parse_model(AgentProfile, to_json(given))
    _check(profile, engine.services)
    await engine.services.agents.save(profile, tenant_id=caller.tenant_id)
    await refresh_label_names(engine.services)
    return profile


@router.delete("/{agent_id}", summary="Delete an agent", status_code=204)
async def delete_agent(request: Request, agent_id: Agent) -> Response:
    """Delete an agent of the tenant's own; without the tenant header, a shared one."""
    await engine_of(request).services.agents.delete(agent_id, tenant_id=Caller.of(request).tenant_id)
    return Response(status_code=204)


def _check(profile: AgentProfile, services: Services) -> None:
    """See that what an agent names is there, so that it does not fail with the first question."""
    try:
        services.models.get(profile.model)
    except NotFound as error:
        raise InvalidRequest(error.message, field="model") from error
    sources = {source.name for source in services.sources}
    for field, named, known in (
        ("tools", profile.tools, set(services.tools.names)),
        ("sources", profile.sources, sources),
    ):
        unknown = sorted(set(named or ()) - known)
        if unknown:
            raise InvalidRequest(
                f"{field} has {', '.join(unknown)}, which this engine does not; "
                f"it has {', '.join(sorted(known))}",
                field=field,
            )
