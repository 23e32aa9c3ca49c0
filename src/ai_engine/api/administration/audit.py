"""The audit log: listed page by page, and exported as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from vital_shared.models.audit import MAX_AUDIT_PAGE, AuditEntry, AuditPage, AuditQuery
from vital_shared.models.audit_export import CSV_HEADER, to_csv_line, to_json_line
from vital_shared.store.audit import AuditStore

__all__ = ["router"]

router = APIRouter(prefix="/v1/audit", tags=["audit"])

MEDIA_TYPES: Final = {"jsonl": "application/x-ndjson", "csv": "text/csv"}

EXPORTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The entries.", "content": {each: {} for each in MEDIA_TYPES.values()}}
}


class AuditExportQuery(AuditQuery):
    """The selection of exported entries, and their form."""

    format: Literal["jsonl", "csv"] = "jsonl"


@router.get("", summary="List the audit log")
async def list_audit_log(request: Request, query: Annotated[AuditQuery, Query()]) -> AuditPage:
    """List who changed what, the newest first; a tenant's administrator sees the tenant's own entries."""
    store = AuditStore(engine_of(request).services.database)
    return await store.page(query, tenant_id=Caller.of(request).tenant_id)


@router.get("/export", summary="Export the audit log", response_class=StreamingResponse, responses=EXPORTED)
async def export_audit_log(
    request: Request, query: Annotated[AuditExportQuery, Query()]
) -> StreamingResponse:
    """Send all matching entries, the newest first, as lines of JSON or as CSV."""
    store, tenant_id = AuditStore(engine_of(request).services.database), Caller.of(request).tenant_id
    whole = query.model_copy(update={"limit": MAX_AUDIT_PAGE})
    first = await store.page(whole, tenant_id=tenant_id)  # an error is answered before anything is sent

    async def entries() -> AsyncIterator[AuditEntry]:
        for entry in first.entries:
            yield entry
        if first.next_cursor is not None:
            rest = whole.model_copy(update={"cursor": first.next_cursor})
            async for entry in store.entries(rest, tenant_id=tenant_id):
                yield entry

    lines = _csv(entries()) if query.format == "csv" else _json_lines(entries())
    name = f'attachment; filename="audit.{query.format}"'
    return StreamingResponse(
        lines, media_type=MEDIA_TYPES[query.format], headers={"Content-Disposition": name}
    )


async def _json_lines(entries: AsyncIterator[AuditEntry]) -> AsyncIterator[str]:
    async for entry in entries:
        yield to_json_line(entry)


async def _csv(entries: AsyncIterator[AuditEntry]) -> AsyncIterator[str]:
    yield CSV_HEADER
    async for entry in entries:
        yield to_csv_line(entry)
