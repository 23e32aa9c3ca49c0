"""Limits of organisations, tenants, keys and users, and the tenants of organisations."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from ai_engine.api.body import read_model
from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from vital_shared.models.base import Frozen
from vital_shared.models.usage_limits import Organisation, UsageLimit, UsageLimitQuery, UsageStanding
from vital_shared.models.workflow_io import Id

__all__ = ["LimitList", "OrganisationList", "router"]

router = APIRouter(prefix="/v1", tags=["limits"])

LimitId = Annotated[Id, Path()]
OrganisationId = Annotated[Id, Path()]
Tenant = Annotated[Id, Path()]

BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": UsageLimit.model_json_schema(),
                "example": {
                    "level": "key",
                    "id": "key_5e0c",
                    "model": "openai:gpt-5-mini",
                    "unit": "tokens",
                    "period": "day",
                    "amount": "500000",
                },
            }
        },
    }
}


class LimitList(Frozen):
    """Limits, from the top of the tree down."""

    limits: tuple[UsageStanding, ...]
    next_cursor: str | None
    """None: there are no others."""


class OrganisationList(Frozen):
    """The organisations that have tenants, by their ids."""

    organisations: tuple[Organisation, ...]


@router.get("/limits", summary="List limits")
async def list_limits(request: Request, query: Annotated[UsageLimitQuery, Query()]) -> LimitList:
    """List the limits of all levels, and what is left of each.

    A tenant gets its own, those of its keys and those of its users.
    """
    services, caller = engine_of(request).services, Caller.of(request)
    found, cursor = await services.usage_limits.page(query, now=services.now(), tenant_id=caller.tenant_id)
    return LimitList(limits=found, next_cursor=cursor)


@router.put("/limits", summary="Set a limit", openapi_extra=BODY)
async def set_limit(request: Request) -> UsageStanding:
    """Set a limit, replacing the one for the same level, model, unit and period.

    It applies from the next request on, and counts the cost of the current period so far.
    """
    engine = engine_of(request)
    limit = await read_model(request, UsageLimit, engine.settings.max_body_bytes)
    return await engine.services.usage_limits.set(limit, now=engine.services.now())


@router.delete("/limits/{limit_id}", summary="Remove a limit", status_code=204)
async def remove_limit(request: Request, limit_id: LimitId) -> Response:
    """Remove a limit; the others that apply to a request remain."""
    await engine_of(request).services.usage_limits.remove(limit_id)
    return Response(status_code=204)


@router.get("/organisations", summary="List organisations")
async def list_organisations(request: Request) -> OrganisationList:
    """List the organisations and their tenants."""
    return OrganisationList(organisations=await engine_of(request).services.usage_limits.organisations())


@router.put(
    "/organisations/{organisation_id}/tenants/{tenant_id}",
    summary="Put a tenant under an organisation",
    status_code=204,
)
async def join_organisation(request: Request, organisation_id: OrganisationId, tenant_id: Tenant) -> Response:
    """Apply the organisation's limits to a tenant, instead of another organisation's."""
    services = engine_of(request).services
    await services.usage_limits.join(tenant_id, organisation_id, now=services.now())
    return Response(status_code=204)


@router.delete(
    "/organisations/{organisation_id}/tenants/{tenant_id}",
    summary="Take a tenant out of an organisation",
    status_code=204,
)
async def leave_organisation(
    request: Request, organisation_id: OrganisationId, tenant_id: Tenant
) -> Response:
    """Remove a tenant from an organisation, whose limits then no longer apply to it."""
    await engine_of(request).services.usage_limits.leave(tenant_id, organisation_id)
    return Response(status_code=204)
