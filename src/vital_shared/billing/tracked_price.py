"""The cost of a call that was counted by hand: at given prices, or at those of the price table."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from vital_shared.billing.price_table import provider_of
from vital_shared.billing.pricing import Prices
from vital_shared.models.model_call import Tokens
from vital_shared.models.money import to_nanos

__all__ = ["CallCost", "cost_at", "cost_by_table"]

_TABLE: Final = Prices()


class CallCost(NamedTuple):
    """The cost of a call, and the prices that it was computed with."""

    nanos: int
    unit_prices: dict[str, str]
    """Dollars per million tokens."""


def cost_at(per_1k_input: Decimal, per_1k_output: Decimal, tokens: Tokens) -> CallCost:
    """Compute a cost at given prices, in dollars for a thousand tokens; rounded once, half to even."""
    nanos = to_nanos((tokens.input * per_1k_input + tokens.output * per_1k_output) / 1_000)
    return CallCost(nanos, {"input": f"{per_1k_input * 1_000:f}", "output": f"{per_1k_output * 1_000:f}"})


def cost_by_table(model: str, tokens: Tokens) -> CallCost | None:
    """Look a price up; None where nobody knows it.

    :param model: with or without its provider.
    """
    rates = _TABLE.rates(_with_provider(model), tokens)
    return None if rates is None else CallCost(rates.nanos(tokens), rates.in_dollars())


@lru_cache(maxsize=1_000)
def _with_provider(model: str) -> str:
    """Find the provider that is meant by a bare name: the first in the table that has such a model."""
    if ":" in model:
        return model
    try:
        return f"{provider_of(model)}:{model}"
    except LookupError:
        return model
