"""Documents: what answers are made from."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile
from starlette.types import Message

from ai_engine.api.body import read_bytes
from ai_engine.api.streams import until_disconnected
from ai_engine.auth.caller import TENANT_HEADER, Caller
from ai_engine.engine import engine_of
from ai_engine.request_deadline import deadline_of
from vital_shared.errors import InvalidRequest, RateLimited
from vital_shared.models.base import Frozen
from vital_shared.models.document_search import DocumentSearch
from vital_shared.models.knowledge import Document
from vital_shared.retrieval.document_finder import find_in_documents
from vital_shared.retrieval.ingest.result import IngestResult
from vital_shared.store.tables import owner
from vital_shared.workflows.run_metrics import count_refused
from vital_shared.workflows.services import Services

__all__ = ["DocumentList", "router"]

router = APIRouter(prefix="/v1/documents", tags=["documents"])

FORM: Final = "multipart/form-data"
FORM_BYTES: Final = 10_000
"""Bytes that the form around a file may have, beside the file."""

UNDECLARED_TYPES: Final = frozenset({"", "application/x-www-form-urlencoded"})
"""Content types that curl sends by default; the name's suffix decides then."""

MAX_QUERY_CHARACTERS: Final = 2_000

NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,500}")

BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class ReceivedFile(NamedTuple):
    """A file that came over HTTP."""

    name: str
    media_type: str | None
    data: bytes


class DocumentPassage(Frozen):
    """A piece of a document, as it is searched and given to models."""

    section: str
    """Headings from the top to this piece, and its page, slide or rows where the format has them."""

    text: str


class DocumentPassages(Frozen):
    """A document, and a part of its extracted text."""

    document: Document
    passages: tuple[DocumentPassage, ...]


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


@router.post("", summary="Add a document", status_code=201, openapi_extra=BODY)
async def add_document(
    request: Request,
    response: Response,
    filename: Annotated[str | None, Query(description="The name, where the body is the file itself.")] = None,
) -> IngestResult:
    """Add a document of the tenant's own, or replace the one with its name.

    Without the tenant header it is shared by all. The body is a form with one file, or the file itself:
    Markdown, text, HTML, PDF, office documents, mail or data.
    Answers 200 instead of 201 where nothing new was stored. Where others are being read, it waits for the
    tenant's turn.
    """
    caller, engine = Caller.of(request), engine_of(request)
    tenant, weight_of = owner(caller.tenant_id), engine.services.limits.weight
    deadline = deadline_of(request)
    async with engine.uploads.slot(tenant, weight_of, deadline=deadline):
        upload = await _upload(request, filename, engine.settings.max_document_bytes)
        if not NAME.fullmatch(upload.name):
            raise InvalidRequest(
                "filename has to have 1 to 500 characters, none of them invisible", field="filename"
            )
        gone = partial(until_disconnected, request.receive)
        async with engine.ingesting.slot(tenant, weight_of, gone, deadline):
            result = await engine.ingestor.ingest_bytes(
                upload.data, uri=upload.name, tenant_id=caller.tenant_id, media_type=upload.media_type
            )
    if result.status != "added":
        response.status_code = 200
    return result


@router.get("/search", summary="Search the documents")
async def search_documents(
    request: Request,
    query: Annotated[str, Query(min_length=1, max_length=MAX_QUERY_CHARACTERS)],
    limit: Annotated[int | None, Query(ge=1, le=50, description="Default: as many as a run gets.")] = None,
) -> DocumentSearch:
    """Show the passages that a question finds in the tenant's and the shared documents, and why.

    No model is called, and nothing is charged. Other sources of passages are not searched.
    A search counts as a request of the tenant's, and waits for its turn as a run does.
    """
    tenant_id, engine = Caller.of(request).tenant_id, engine_of(request)
    if tenant_id is None:
        raise InvalidRequest(
            f"A search is for one tenant: name it in the header {TENANT_HEADER}", field=TENANT_HEADER
        )
    services, gone = engine.services, partial(until_disconnected, request.receive)
    async with engine.hub.slot(tenant_id, gone, deadline_of(request)):
        await _count_request(services, tenant_id)
        return await find_in_documents(
            query,
            tenant_id=tenant_id,
            limit=limit or services.settings.passages,
            tuning=await services.tunings.of(tenant_id),
            memory=services.memory,
            fusion=services.fusion,
        )


async def _count_request(services: Services, tenant_id: str) -> None:
    try:
        await services.limits.count_request(tenant_id, now=services.now())
    except RateLimited as error:
        count_refused(error)
        raise


@router.get("/{document_id}", summary="Show a document")
async def show_document(request: Request, document_id: str) -> Document:
    """Show a document of the tenant's own, or a shared one, without its text."""
    tenant_id = Caller.of(request).tenant_id
    return await engine_of(request).services.knowledge.get(document_id, tenant_id=tenant_id)


@router.get("/{document_id}/passages", summary="Show a document's extracted text")
async def show_passages(
    request: Request,
    document_id: str,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> DocumentPassages:
    """Show a document's extracted text, in order, as it is searched."""
    tenant_id, knowledge = Caller.of(request).tenant_id, engine_of(request).services.knowledge
    document = await knowledge.get(document_id, tenant_id=tenant_id)
    found = await knowledge.chunks_of(document_id, tenant_id=tenant_id, limit=limit, offset=offset)
    passages = tuple(DocumentPassage(section=chunk.section, text=chunk.text) for chunk in found)
    return DocumentPassages(document=document, passages=passages)


@router.delete("/{document_id}", summary="Delete a document", status_code=204)
async def delete_document(request: Request, document_id: str) -> Response:
    """Delete a document of the tenant's own; without the tenant header, any."""
    tenant_id = Caller.of(request).tenant_id
    await engine_of(request).services.knowledge.delete(document_id, tenant_id=tenant_id)
    return Response(status_code=204)


async def _upload(request: Request, filename: str | None, limit: int) -> ReceivedFile:
    media_type = request.headers.get("content-type", "")
    plain = media_type.partition(";")[0].strip().lower()
    if plain != FORM:
        if filename is None:
            raise InvalidRequest("filename is missing: add ?filename=… or send a form", field="filename")
        data = await read_bytes(request, limit)
        return ReceivedFile(filename, None if plain in UNDECLARED_TYPES else media_type, data)
    body = await read_bytes(request, limit + FORM_BYTES)

    async def replay() -> Message:
        return {"type": "http.request", "body": body}

    async with Request(request.scope, replay).form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidRequest("file is missing: the form has to have a file of that name", field="file")
        return ReceivedFile(filename or file.filename or "", file.content_type, await file.read())
