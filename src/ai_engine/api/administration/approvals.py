"""Approvals: the runs that wait for a person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from vital_shared.models.approval import ApprovalPage, ApprovalQuery
from vital_shared.store.approvals import ApprovalStore

__all__ = ["router"]

router = APIRouter(prefix="/v1/approvals", tags=["runs"])


@router.get("", summary="List approvals")
async def list_approvals(request: Request, query: Annotated[ApprovalQuery, Query()]) -> ApprovalPage:
    """List the tenant's runs that wait for a person, the one that expires first at the top.

    Each is decided by POST /v1/runs/{run_id}/resume.
    """
    engine = engine_of(request)
    page = await ApprovalStore(engine.services.database).page(
        query, tenant_id=Caller.of(request).tenant_id, now=engine.services.now()
    )
    named = (
        each.model_copy(update={"workflow": engine.workflows.shown(each.workflow)}) for each in page.approvals
    )
    return page.model_copy(update={"approvals": tuple(named)})
