"""The periods that data is kept for, and the figures of the last pass of retention."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request

from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from vital_shared.models.base import Frozen
from vital_shared.models.retention import RETAINED_KINDS, RetainedKind, RetentionTable
from vital_shared.store.retention_outcome import last_outcome

__all__ = ["router"]

router = APIRouter(prefix="/v1/retention", tags=["persons"])


class KeptKind(Frozen):
    """A kind of data, and how long it is kept."""

    kind: RetainedKind
    seconds: float | None
    """The period; None: it is kept forever."""

    tenants: dict[str, float | None]
    """The periods of tenants that have their own. A tenant's key sees none of them: `seconds` is its own."""


class RetentionView(Frozen):
    """The periods of all kinds, and the last pass over them."""

    kinds: tuple[KeptKind, ...]
    last_pass_at: datetime | None
    """The end of the last pass that came to its end; None: there was none, or all is kept forever."""

    deleted: dict[RetainedKind, int] | None
    """Rows that the last pass has deleted, of all tenants; None for a tenant's key."""


@router.get("", summary="Show how long data is kept")
async def show_retention(request: Request) -> RetentionView:
    """Show the periods of each kind, for all tenants or the caller's own, and the last pass."""
    services, tenant_id = engine_of(request).services, Caller.of(request).tenant_id
    async with services.database.connect() as connection:
        outcome = await last_outcome(connection)
    return RetentionView(
        kinds=tuple(_kept(services.retention, kind, tenant_id) for kind in RETAINED_KINDS),
        last_pass_at=None if outcome is None else outcome.ended_at,
        deleted=outcome.deleted if outcome is not None and tenant_id is None else None,
    )


def _kept(rules: RetentionTable, kind: RetainedKind, tenant_id: str | None) -> KeptKind:
    default, own = rules.periods(kind)
    seconds = {tenant: None if period is None else period.total_seconds() for tenant, period in own.items()}
    all_others = None if default is None else default.total_seconds()
    if tenant_id is not None:
        return KeptKind(kind=kind, seconds=seconds.get(tenant_id, all_others), tenants={})
    return KeptKind(kind=kind, seconds=all_others, tenants=seconds)
