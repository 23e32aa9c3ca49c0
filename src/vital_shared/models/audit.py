"""The audit log: who changed what, as it is stored and listed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from vital_shared.models.base import Frozen
from vital_shared.models.costs import Moment
from vital_shared.models.cursor import CursorText
from vital_shared.models.workflow_io import Id

__all__ = [
    "MAX_AUDIT_PAGE",
    "ActorKind",
    "AuditAction",
    "AuditEntry",
    "AuditOutcome",
    "AuditPage",
    "AuditQuery",
]

MAX_AUDIT_PAGE: Final = 500

ActorKind = Literal["key", "user", "local", "cli", "program"]
"""An API key; a user with a verified token; the administrator of the engine's machine, where no keys are
needed; a command of `vital`; a program that uses the library."""

AuditAction = Literal[
    "key_created",
    "key_rotated",
    "key_revoked",
    "key_deleted",
    "agent_saved",
    "agent_deleted",
    "document_added",
    "document_replaced",
    "document_deleted",
    "budget_set",
    "budget_deleted",
    "limit_set",
    "limit_removed",
    "organisation_joined",
    "organisation_left",
    "tool_approved",
    "tool_edited",
    "tool_denied",
    "run_answered",
    "person_exported",
    "person_erased",
    "alert_silenced",
    "silence_ended",
    "database_backed_up",
    "database_restored",
    "database_copied",
]

AuditOutcome = Literal["done", "partial"]
"""Partial: a part of the system did not answer; it has to be done again."""


class AuditEntry(Frozen):
    """One change, and who made it."""

    id: int
    at: datetime
    actor_kind: ActorKind
    actor: str
    """The id of the key or the user, or the name of the machine's user; empty: unknown."""

    tenant_id: str | None
    """None: what all tenants share, or several of them."""

    action: AuditAction
    object: str
    """The id of the key, agent, document, tenant (of a budget), run or silence; empty: of the person."""

    person: str | None
    """The user that decided, or was exported or erased; a pseudonym from the person's erasure on."""

    outcome: AuditOutcome
    details: dict[str, Any]


class AuditQuery(BaseModel):
    """The selection of entries; the API key of the request decides on the tenant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: AuditAction | None = None
    actor: str | None = Field(default=None, max_length=300, description="The id of a key, a user or a name.")
    object: str | None = Field(default=None, max_length=300)
    person: Id | None = Field(default=None, description="A user, or the pseudonym of one who was erased.")
    start: Moment | None = Field(
        default=None, alias="from", description="On or after this day (UTC) or time."
    )
    end: Moment | None = Field(default=None, alias="to", description="Before this day or time.")
    limit: int = Field(default=50, ge=1, le=MAX_AUDIT_PAGE)
    cursor: CursorText = None


class AuditPage(Frozen):
    """Entries, the newest first."""

    entries: tuple[AuditEntry, ...]
    next_cursor: str | None
    """None: there are no older ones."""

    protection: Literal["role", "triggers"]
    """The guard against changes. `role`: the engine's role of the database can add and not change or delete.
    `triggers`: the database refuses both, yet the engine's role owns the table, or the database is a file, so
    a holder of its address could take the triggers away."""
