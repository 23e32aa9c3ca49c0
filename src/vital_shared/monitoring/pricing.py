"""What tokens cost: the table of genai-prices, which comes with the package, and prices of one's own.

Nothing is fetched. What the table does not know has no price, which is not the same as a price of 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from genai_prices import Usage, calc_price
from pydantic import Field

from vital_shared.models.base import Frozen
from vital_shared.models.model_call import Tokens

__all__ = ["Price", "Prices"]

FREE: Final = frozenset({"local", "ollama", "vllm"})
"""Providers on one's own machines: a declared price of 0."""

_THEIR_NAMES: Final = {"gemini": "google", "xai": "x-ai"}
"""Of providers, where the table calls them otherwise."""

_MILLION: Final = Decimal(1_000_000)


class Price(Frozen):
    """Dollars per million tokens."""

    input: Decimal = Field(ge=0, strict=False)
    output: Decimal = Field(ge=0, strict=False)
    cached_input: Decimal | None = Field(default=None, ge=0, strict=False)
    """None: as input."""
    cache_write: Decimal | None = Field(default=None, ge=0, strict=False)
    """None: as input."""

    def of(self, tokens: Tokens) -> Decimal:
        """Return what these tokens cost, exactly; reasoning is output."""
        cached = self.input if self.cached_input is None else self.cached_input
        write = self.input if self.cache_write is None else self.cache_write
        plain = tokens.input - tokens.cached_input - tokens.cache_write
        per_million = (
            plain * self.input
            + tokens.cached_input * cached
            + tokens.cache_write * write
            + tokens.output * self.output
        )
        return per_million / _MILLION


class Prices:
    """The prices of all models.

    :param own: by ``provider:model``; they go before the table.
    """

    def __init__(self, own: Mapping[str, Price] | None = None) -> None:
        self._own = dict(own or {})

    def cost(self, model: str, tokens: Tokens) -> Decimal | None:
        """Return what a call cost in dollars; None where nobody knows the model's price.

        :param model: ``provider:model``, or the bare name of an embedded one, which is free.
        """
        own = self._own.get(model)
        if own is not None:
            return own.of(tokens)
        provider, _, name = model.partition(":")
        if not name or provider in FREE:
            return Decimal(0) if provider in FREE or model == "extractive" else None
        usage = Usage(
            input_tokens=tokens.input,
            cache_read_tokens=tokens.cached_input,
            cache_write_tokens=tokens.cache_write,
            output_tokens=tokens.output,
        )
        try:
            return calc_price(usage, name, provider_id=_THEIR_NAMES.get(provider, provider)).total_price
        except LookupError:
            return None
