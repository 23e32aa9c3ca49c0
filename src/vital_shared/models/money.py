"""Money: whole nano-dollars (10⁻⁹ dollars) inside, exact decimals at the edges."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final

from pydantic import Field

__all__ = ["NANOS", "Dollars", "nanos_at_most", "to_dollars", "to_nanos"]

NANOS: Final = 1_000_000_000
"""Nano-dollars in a dollar."""

Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000_000, decimal_places=9, strict=False)]
"""An amount that is stored as it is given, to the last digit."""


def to_nanos(dollars: Decimal) -> int:
    """Return whole nano-dollars, rounded half to even."""
    return int((dollars * NANOS).to_integral_value(ROUND_HALF_EVEN))


def nanos_at_most(dollars: Decimal) -> int:
    """Return whole nano-dollars, rounded up: for what something may cost."""
    return int((dollars * NANOS).to_integral_value(ROUND_CEILING))


def to_dollars(nanos: int) -> Decimal:
    """Return the exact amount."""
    return Decimal(nanos) / NANOS
