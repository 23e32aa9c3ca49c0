"""Limits: what a tenant may spend, how often it may ask and what of, and its share of the engine."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from ai_engine.api.body import read_model
from ai_engine.auth.caller import Caller
from ai_engine.background.label_names import refresh_label_names
from ai_engine.engine import engine_of
from vital_shared.errors import NotFound
from vital_shared.models.base import Frozen
from vital_shared.models.limits import TenantLimits, TenantStanding
from vital_shared.models.workflow_io import Id

__all__ = ["BudgetList", "router"]

router = APIRouter(prefix="/v1/budgets", tags=["budgets"])

Tenant = Annotated[Id, Path()]

BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "All limits of the tenant; omitted ones have their defaults.",
        "content": {
            "application/json": {
                "schema": TenantLimits.model_json_schema(),
                "example": {
                    "daily_dollars": "10",
                    "monthly_dollars": "200",
                    "requests_per_minute": 60,
                    "weight": 2,
                    "models": ["gpt-5-mini"],
                },
            }
        },
    }
}


class BudgetList(Frozen):
    """The tenants that have limits, by their ids."""

    budgets: tuple[TenantStanding, ...]


@router.get("", summary="List the tenants with limits")
async def list_budgets(request: Request) -> BudgetList:
    """List the limits of all tenants, and what they have used of them; a tenant gets its own."""
    services, caller = engine_of(request).services, Caller.of(request)
    mine = None if caller.tenant_id is None else (caller.tenant_id,)
    standings = await services.limits.list(tenant_ids=mine, now=services.now())
    return BudgetList(budgets=standings)


@router.get("/{tenant_id}", summary="Show a tenant's limits")
async def show_budget(request: Request, tenant_id: Tenant) -> TenantStanding:
    """Show a tenant's limits, what it has spent, and what is left."""
    services = engine_of(request).services
    if not Caller.of(request).may_see(tenant_id):
        raise NotFound(f"There are no limits of the tenant {tenant_id} to see.", field="tenant_id")
    return await services.limits.get(tenant_id, now=services.now())


@router.put("/{tenant_id}", summary="Set a tenant's limits", openapi_extra=BODY)
async def set_budget(request: Request, tenant_id: Tenant) -> TenantStanding:
    """Set the tenant's limits, replacing the previous ones; they apply from its next request on."""
    engine = engine_of(request)
    limits = await read_model(request, TenantLimits, engine.settings.max_body_bytes)
    now = engine.services.now()
    await engine.services.limits.set(tenant_id, limits, now=now)
    await refresh_label_names(engine.services)
    return await engine.services.limits.get(tenant_id, now=now)


@router.delete("/{tenant_id}", summary="Delete a tenant's limits", status_code=204)
async def delete_budget(request: Request, tenant_id: Tenant) -> Response:
    """Remove a tenant's limits on requests and spending."""
    await engine_of(request).services.limits.delete(tenant_id)
    return Response(status_code=204)
