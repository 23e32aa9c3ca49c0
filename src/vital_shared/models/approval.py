"""Approvals: the runs that wait for a person."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from vital_shared.models.base import Frozen
from vital_shared.models.costs import Amount
from vital_shared.models.cursor import CursorText
from vital_shared.models.required_input import RequiredInput
from vital_shared.models.run_list import MAX_PAGE
from vital_shared.models.tool import ToolCall
from vital_shared.models.workflow_io import Id, WorkflowMode

__all__ = ["ApprovalPage", "ApprovalQuery", "WaitingRun"]


class ApprovalQuery(BaseModel):
    """The selection of approvals; the API key of the request decides on the tenant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: Id | None = None
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: CursorText = None


class WaitingRun(Frozen):
    """A run that waits for an approval or an answer."""

    run_id: str
    tenant_id: str
    user_id: str
    """The user whose request it is."""

    workflow: str
    mode: WorkflowMode
    title: str
    """The first 200 characters of the question."""

    created_at: datetime
    expires_at: datetime
    """The end of the wait: the run expires then."""

    suggested_tools: tuple[ToolCall, ...]
    """Tool calls to approve, each with its cost."""

    required_input: tuple[RequiredInput, ...]
    """Values to give."""

    tools_cost_dollars: Amount
    """The cost of all suggested calls together."""

    spent_dollars: Amount
    """The cost of the run so far."""


class ApprovalPage(Frozen):
    """Runs that wait, the one that expires first at the top."""

    approvals: tuple[WaitingRun, ...]
    next_cursor: str | None
    """None: there are no others."""
