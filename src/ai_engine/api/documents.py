"""Documents: what answers are made from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ai_engine.auth import Caller
from ai_engine.engine import engine_of
from vital_shared.models.base import Frozen
from vital_shared.models.knowledge import Document

__all__ = ["DocumentList", "router"]

router = APIRouter(prefix="/v1/documents", tags=["documents"])


class DocumentList(Frozen):
    """Documents, by uri."""

    documents: tuple[Document, ...]


@router.get("", summary="List documents")
async def list_documents(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> DocumentList:
    """List the tenant's documents and the shared ones; without the tenant header, those of all."""
    tenant_id = Caller.of(request).tenant_id
    knowledge = engine_of(request).services.knowledge
    return DocumentList(documents=await knowledge.list(tenant_id=tenant_id, limit=limit, offset=offset))


@router.get("/{document_id}", summary="Show a document")
async def show_document(request: Request, document_id: str) -> Document:
    """Show a document of the tenant's own, or a shared one, without its text."""
    tenant_id = Caller.of(request).tenant_id
    return await engine_of(request).services.knowledge.get(document_id, tenant_id=tenant_id)


@router.delete("/{document_id}", summary="Delete a document", status_code=204)
async def delete_document(request: Request, document_id: str) -> Response:
    """Delete a document of the tenant's own; without the tenant header, any."""
    tenant_id = Caller.of(request).tenant_id
    await engine_of(request).services.knowledge.delete(document_id, tenant_id=tenant_id)
    return Response(status_code=204)
