"""A tenant's limits: spending, request rate and models, and the remainder of each."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from vital_shared.models.base import Frozen
from vital_shared.models.money import Dollars

__all__ = ["MAX_WEIGHT", "Allowance", "Period", "TenantLimits", "TenantShare", "TenantStanding"]

MAX_WEIGHT: Final = 100
MAX_MODELS: Final = 100
"""Models that one tenant may be allowed."""

ModelName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]

Period = Literal["daily", "monthly"]
"""The period of a budget; days and months are those of UTC."""


class TenantLimits(Frozen):
    """The limits of one tenant; None: no limit of that kind."""

    daily_dollars: Dollars | None = None
    monthly_dollars: Dollars | None = None
    requests_per_minute: int | None = Field(default=None, ge=1, le=60_000)
    """Also the burst: as many may come at once, after a minute without any."""

    weight: int | None = Field(default=None, ge=1, le=MAX_WEIGHT)
    """Its share of runs and uploads beside a tenant of weight 1, where tenants have to wait; None: 1."""

    models: tuple[ModelName, ...] | None = Field(default=None, max_length=MAX_MODELS, strict=False)
    """The models that its requests may name beside those of the agent; None: no others."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if all(value is None for _, value in self):
            raise ValueError("no limit is given: give one, or delete the tenant's limits")
        return self


class TenantShare(Frozen):
    """A tenant's share of the resources that all tenants use."""

    weight: int = 1
    models: frozenset[str] = frozenset()


class Allowance(Frozen):
    """A budget, and what is left of it."""

    limit_dollars: Decimal
    spent_dollars: Decimal
    left_dollars: Decimal
    """The remainder, less the amount that the active runs may still cost."""

    resets_at: datetime
    """The start of the next period."""


class TenantStanding(Frozen):
    """The limits of a tenant, and what it has currently used of them."""

    tenant_id: str
    daily: Allowance | None
    monthly: Allowance | None
    reserved_dollars: Decimal
    """The amount that the active runs may still cost."""

    requests_per_minute: int | None
    weight: int | None
    models: tuple[str, ...] | None
    updated_at: datetime
    """The time when the limits were set."""

    @property
    def limits(self) -> TenantLimits:
        """The limits alone."""
        return TenantLimits(
            daily_dollars=self.daily.limit_dollars if self.daily else None,
            monthly_dollars=self.monthly.limit_dollars if self.monthly else None,
            requests_per_minute=self.requests_per_minute,
            weight=self.weight,
            models=self.models,
        )
