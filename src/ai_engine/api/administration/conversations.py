"""Conversations: listed, read, renamed and deleted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from ai_engine.api.body import read_model
from ai_engine.auth.caller import Caller
from ai_engine.engine import engine_of
from vital_shared.models.conversation import (
    ConversationPage,
    ConversationQuery,
    ConversationSummary,
    ConversationTitle,
    ConversationView,
    MessageQuery,
)
from vital_shared.models.workflow_io import Id
from vital_shared.store.conversation_list import ConversationListStore

__all__ = ["router"]

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])

SessionId = Annotated[Id, Path()]

BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/ConversationTitle"},
                "example": {"title": "Class III devices"},
            }
        },
    }
}


@router.get("", summary="List conversations")
async def list_conversations(
    request: Request, query: Annotated[ConversationQuery, Query()]
) -> ConversationPage:
    """List and search the tenant's conversations, most recent first; without the tenant header, all."""
    return await _store(request).page(query, tenant_id=Caller.of(request).tenant_id)


@router.get("/{session_id}", summary="Read a conversation")
async def show_conversation(
    request: Request, session_id: SessionId, query: Annotated[MessageQuery, Query()]
) -> ConversationView:
    """Show a conversation of the tenant with its newest 400 messages, and its runs that have not ended.

    If there are more messages, pass `next_cursor` as `before` to get the previous 400.

    A conversation whose first run has not ended is found too, without messages.
    """
    now = engine_of(request).services.now()
    tenant_id = Caller.of(request).tenant_id
    return await _store(request).get(session_id, tenant_id=tenant_id, now=now, before=query.before)


@router.patch("/{session_id}", summary="Rename a conversation", openapi_extra=BODY)
async def rename_conversation(request: Request, session_id: SessionId) -> ConversationSummary:
    """Rename a conversation of the tenant."""
    given = await read_model(request, ConversationTitle, engine_of(request).settings.max_body_bytes)
    return await _store(request).rename(session_id, given.title, tenant_id=Caller.of(request).tenant_id)


@router.delete("/{session_id}", summary="Delete a conversation", status_code=204)
async def delete_conversation(request: Request, session_id: SessionId) -> Response:
    """Delete a conversation of the tenant and its messages; its runs are kept."""
    await _store(request).delete(session_id, tenant_id=Caller.of(request).tenant_id)
    return Response(status_code=204)


def _store(request: Request) -> ConversationListStore:
    return ConversationListStore(engine_of(request).services.database)
