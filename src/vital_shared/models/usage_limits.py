"""Limits of organisations, tenants, keys and users, for all models or one; and what a run may use at most."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vital_shared.models.base import Frozen
from vital_shared.models.cursor import CursorText
from vital_shared.models.run_list import MAX_PAGE
from vital_shared.models.workflow_io import Id

__all__ = [
    "LEVELS",
    "NO_USE",
    "LimitLevel",
    "LimitPeriod",
    "LimitUnit",
    "ModelUse",
    "Organisation",
    "UsageBound",
    "UsageLimit",
    "UsageLimitQuery",
    "UsageStanding",
    "as_bound",
]

LimitLevel = Literal["organisation", "tenant", "key", "user"]
LimitUnit = Literal["dollars", "tokens"]
LimitPeriod = Literal["minute", "day", "month"]
"""Minutes, days and months are those of UTC: a limit starts anew with each."""

LEVELS: Final[tuple[LimitLevel, ...]] = ("organisation", "tenant", "key", "user")
"""From the top of the tree down."""

ModelName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]


class UsageLimitQuery(BaseModel):
    """The part of the limits that is read; the API key of the request decides on the tenant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=MAX_PAGE, ge=1, le=MAX_PAGE)
    cursor: CursorText = None


class UsageLimit(Frozen):
    """One limit: the maximum that one part of the tree may use in a period."""

    level: LimitLevel
    id: Id
    """The organisation, the tenant, the key (its id) or the user."""

    tenant_id: Id | None = None
    """The tenant of a user; None for the other levels."""

    model: ModelName | None = None
    """The model, as ``provider:model``; None: all models, and in dollars all else that costs, too."""

    unit: LimitUnit
    period: LimitPeriod
    amount: Decimal = Field(ge=0, le=1_000_000_000_000, decimal_places=9, strict=False)
    """Dollars, or tokens that are read and written."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.level == "user" and self.tenant_id is None:
            raise ValueError("tenant_id is missing: the limit of a user needs the tenant that the user is of")
        if self.level != "user" and self.tenant_id is not None:
            raise ValueError(
                f"tenant_id is for the limit of a user alone, not for one of the level {self.level}"
            )
        if self.unit == "tokens" and self.amount != int(self.amount):
            raise ValueError("amount: tokens are whole")
        if self.unit == "dollars" and self.amount > 1_000_000_000:
            raise ValueError("amount: at most 1000000000 dollars")
        return self


class UsageStanding(Frozen):
    """A limit, and what is currently left of it."""

    limit_id: str
    level: LimitLevel
    id: str
    tenant_id: str | None
    model: str | None
    unit: LimitUnit
    period: LimitPeriod
    amount: Decimal
    spent: Decimal
    """Spent in the running period."""

    reserved: Decimal
    """The amount that the active runs may still use."""

    left: Decimal
    resets_at: datetime
    updated_at: datetime
    """The time when the limit was set."""


class Organisation(Frozen):
    """The tenants that share the limits of an organisation."""

    organisation_id: str
    tenants: tuple[str, ...]


class ModelUse(NamedTuple):
    """Dollars and tokens of one model."""

    nanos: int = 0
    tokens: int = 0


NO_USE: Final = ModelUse()


class UsageBound(NamedTuple):
    """The most that a run, or a part of it, may use."""

    nanos: int = 0
    """Nano-dollars for all that costs."""

    tokens: int = 0
    """Tokens of all models together."""

    models: Mapping[str, ModelUse] = {}
    """The part of each model; they may add up to more than the whole, since not all are asked."""

    def amount(self, unit: str, model: str) -> int:
        """Return what counts against a limit.

        :param model: empty: all models.
        """
        use = self.models.get(model, NO_USE) if model else self
        return use.nanos if unit == "dollars" else use.tokens


def as_bound(bound: int | UsageBound) -> UsageBound:
    """Return a bound in dollars alone as one of all kinds."""
    return bound if isinstance(bound, UsageBound) else UsageBound(nanos=bound)
