"""The cache: delete cached answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from vital_shared.cache.clearing import clear
from vital_shared.models.agent import AgentId
from vital_shared.models.base import Frozen
from vital_shared.models.workflow_io import Id, WorkflowMode

__all__ = ["Cleared", "router"]

router = APIRouter(prefix="/v1/cache", tags=["cache"])


class Cleared(Frozen):
    """The result of an invalidation."""

    dropped: int
    """Answers that the asked process, and Redis, have let go of; others are not found any more either."""


@router.delete("", summary="Delete cached answers")
async def clear_cache(
    request: Request,
    tenant_id: Annotated[Id | None, Query(description="Only a tenant's.")] = None,
    mode: Annotated[WorkflowMode | None, Query(description="Only those of a mode.")] = None,
    agent_id: Annotated[AgentId | None, Query(description="Only an agent's.")] = None,
) -> Cleared:
    """Delete cached answers: all of them, or those of a tenant, a mode, an agent; a tenant only its own."""
    caller, services = Caller.of(request), engine_of(request).services
    if tenant_id is not None:
        caller.check(tenant_id)
    dropped = await clear(
        services.cache,
        services.epochs,
        tenant_id=tenant_id or caller.tenant_id,
        mode=mode,
        agent_id=agent_id,
    )
    return Cleared(dropped=dropped.answers)
