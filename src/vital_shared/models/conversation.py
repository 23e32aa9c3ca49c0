"""Conversations, as they are listed and read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from vital_shared.models.base import Frozen
from vital_shared.models.cursor import CursorText
from vital_shared.models.run_list import MAX_PAGE
from vital_shared.models.workflow_io import Id

__all__ = [
    "ConversationPage",
    "ConversationQuery",
    "ConversationSummary",
    "ConversationTitle",
    "ConversationView",
    "MessageQuery",
    "StoredMessage",
]


class ConversationQuery(BaseModel):
    """The selection of conversations; the API key of the request decides on the tenant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Id | None = None
    text: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = Field(
        default=None, description="Words from the title or from a message."
    )
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: CursorText = None


class MessageQuery(BaseModel):
    """The selection of a conversation's messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: Annotated[
        str | None,
        Field(max_length=400, description="The `next_cursor` of the later messages; default: the newest."),
    ] = None


class ConversationSummary(Frozen):
    """A conversation, as a list shows it."""

    session_id: str
    tenant_id: str
    user_id: str
    """The user who began it."""

    title: str
    """Its name; until it is renamed, the beginning of the first question."""

    created_at: datetime
    updated_at: datetime


class ConversationPage(Frozen):
    """Conversations, the most recently used first."""

    conversations: tuple[ConversationSummary, ...]
    next_cursor: str | None
    """None: there are no others."""


class StoredMessage(Frozen):
    """A message of a conversation."""

    role: Literal["user", "assistant"]
    content: str
    run_id: str
    """The run that it belongs to."""

    created_at: datetime


class ConversationView(ConversationSummary):
    """A conversation with its messages."""

    messages: tuple[StoredMessage, ...]
    """The newest ones, or those before a cursor, the oldest of these first."""

    is_whole: bool
    """Whether there are no earlier messages."""

    next_cursor: str | None = None
    """The value of `before` that leads to the messages before these; None: there are none."""

    open_runs: tuple[str, ...]
    """Ids of its runs that wait or are at work, in the order of their start: their messages come with their
    ends."""


class ConversationTitle(Frozen):
    """A new name for a conversation."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
