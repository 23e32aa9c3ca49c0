"""Spending: queries of the ledger, and their results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
)

from vital_shared.models.agent import AgentId
from vital_shared.models.base import Frozen
from vital_shared.models.charge import CostType
from vital_shared.models.workflow_io import WorkflowMode

__all__ = [
    "CostGroup",
    "CostLine",
    "CostQuery",
    "CostReport",
    "CostSums",
    "add_up",
    "rename_workflows",
    "sort_key",
]

CostGroup = Literal["tenant", "user", "mode", "model", "agent", "workflow", "type", "day"]
"""Properties that costs may be grouped by; days are those of UTC."""


def _moment(value: object) -> object:
    """Read a day, which stands for its first moment in UTC, or a moment with its time zone."""
    if not isinstance(value, str):
        return value
    text = f"{value}T00:00Z" if len(value) == len("2026-11-25") else value
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # it overflows in the years 1 and 9999
        pass
    raise ValueError("must be a day such as 2026-11-25, or a moment such as 2026-11-25T12:00:00Z")


def _split(value: object) -> object:
    """Take ``tenant,mode`` for two, and each of several but once."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(dict.fromkeys(part.strip() for text in value for part in str(text).split(",")))


Moment = Annotated[datetime, BeforeValidator(_moment)]
Amount = Annotated[
    Decimal, PlainSerializer(lambda dollars: f"{dollars:f}", return_type=str, when_used="json")
]
"""Dollars, in JSON as text without an exponent."""


class CostQuery(BaseModel):
    """The selection and the grouping of costs; the API key of the request decides on the tenant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group_by: Annotated[tuple[CostGroup, ...], BeforeValidator(_split)] = Field(
        default=(),
        description="Any of tenant, user, mode, model, agent, workflow, type, day; default: the sum of all.",
    )
    start: Moment | None = Field(default=None, alias="from", description="A day (UTC) or a time; included.")
    end: Moment | None = Field(default=None, alias="to", description="A day (UTC) or a time; not included.")
    mode: WorkflowMode | None = None
    agent: AgentId | None = None
    type: CostType | None = None

    @field_validator("end")
    @classmethod
    def _is_after_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("start")
        if start is not None and end is not None and end <= start:
            raise ValueError("must be after from")
        return end


class CostSums(Frozen):
    """Sums over a part of the ledger, exact to the last digit."""

    cost_dollars: Amount = Decimal(0)
    saved_dollars: Amount = Decimal(0)
    """The cost that answers from the cache would have had."""

    calls: int = 0
    """Calls of models, tools and sources."""

    estimated_calls: int = 0
    """Calls whose tokens we counted, since the provider did not report them."""

    clamped_calls: int = 0
    """Calls whose provider counted something impossible: the nearest possible amount was charged."""

    unpriced_calls: int = 0
    """Calls whose price nobody knows: they are in the cost with 0."""

    spared_calls: int = 0
    """Calls that were not made, since the cache had the answer."""

    hits: int = 0
    """Requests that the cache has answered."""

    input_tokens: int = 0
    """All of them, cached ones too."""

    cached_input_tokens: int = 0
    output_tokens: int = 0
    """All of them, those of reasoning too."""

    reasoning_tokens: int = 0


class CostLine(CostSums):
    """The sums of one group."""

    group: dict[CostGroup, str | None]
    """The values that the group shares, in the order requested; tools and sources have no model."""


class CostReport(Frozen):
    """Costs by group, sorted by group; one line without groups."""

    lines: tuple[CostLine, ...]
    total: CostSums


def add_up(lines: Iterable[CostSums]) -> CostSums:
    """Return the sums over all lines."""
    parts = [line.model_dump(include=set(CostSums.model_fields)) for line in lines]
    return CostSums(**{name: sum(part[name] for part in parts) for name in parts[0]}) if parts else CostSums()


def sort_key(line: CostLine) -> tuple[tuple[bool, str], ...]:
    """Sort by the groups, what has no model last: the same in both databases, whatever their collation."""
    return tuple((value is None, value or "") for value in line.group.values())


def rename_workflows(report: CostReport, name: Callable[[str], str]) -> CostReport:
    """Show workflows by names of their own; lines that are then of one group become one.

    :param name: returns the name of a workflow by the one that its runs are stored with.
    """
    groups: dict[tuple[str | None, ...], list[CostLine]] = {}
    for line in report.lines:
        stored = line.group.get("workflow")
        group = line.group if stored is None else {**line.group, "workflow": name(stored)}
        groups.setdefault(tuple(group.values()), []).append(line.model_copy(update={"group": group}))
    lines = (CostLine(group=same[0].group, **dict(add_up(same))) for same in groups.values())
    return report.model_copy(update={"lines": tuple(sorted(lines, key=sort_key))})
