"""Lists of runs: what is looked for, and what is shown of each."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from vital_shared.models.base import Frozen
from vital_shared.models.costs import Amount, Moment
from vital_shared.models.cursor import CursorText
from vital_shared.models.feedback import FeedbackFilter
from vital_shared.models.workflow_io import CacheStatus, Id, WorkflowMode

__all__ = ["MAX_PAGE", "ListedStatus", "RunPage", "RunQuery", "RunSummary"]

MAX_PAGE: Final = 200

ListedStatus = Literal[
    "queued", "running", "awaiting_approval", "completed", "failed", "cancelled", "expired"
]


def _split(value: object) -> object:
    """Take ``failed,expired`` for two."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, list | tuple):
        return value
    return tuple(dict.fromkeys(part.strip() for text in value for part in str(text).split(",")))


Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000_000, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class RunQuery(BaseModel):
    """The selection of runs; the API key of the request decides on the tenant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Annotated[tuple[ListedStatus, ...], BeforeValidator(_split)] = Field(
        default=(), description="One or several, separated by commas."
    )
    workflow: Name | None = Field(
        default=None, description="The name in /v1/workflows, or that of a listed run."
    )
    mode: WorkflowMode | None = None
    user: Id | None = None
    model: Name | None = Field(
        default=None, description="The model that wrote the answer, or a part of its name."
    )
    text: Name | None = Field(
        default=None, description="Words from the first 300 characters of the question, or a run's id."
    )
    degraded: bool | None = None
    feedback: FeedbackFilter | None = None
    min_cost_dollars: Dollars | None = None
    max_cost_dollars: Dollars | None = None
    min_seconds: Seconds | None = None
    max_seconds: Seconds | None = None
    start: Moment | None = Field(
        default=None, alias="from", description="Started on or after this day (UTC) or time."
    )
    end: Moment | None = Field(default=None, alias="to", description="Started before this day or time.")
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: CursorText = None


class RunSummary(Frozen):
    """A run, as a list shows it."""

    id: str
    status: ListedStatus
    tenant_id: str
    user_id: str
    workflow: str
    """The name in /v1/workflows; where it is not served any longer, the place of its class."""

    mode: WorkflowMode
    title: str
    """The first 200 characters of the question."""

    model: str | None
    """The model that wrote the answer."""

    created_at: datetime
    finished_at: datetime | None
    duration_seconds: float | None
    """Without waits for a person."""

    first_token_seconds: float | None
    quality_score: float | None
    degraded: bool | None
    cache_status: CacheStatus | None
    cost_dollars: Amount | None
    """None: not known yet; what runs lost with their worker have cost is in their charges alone."""

    error_type: str | None


class RunPage(Frozen):
    """Runs, the newest first."""

    runs: tuple[RunSummary, ...]
    next_cursor: str | None
    """None: there are no older ones."""
