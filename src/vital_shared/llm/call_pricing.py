"""The price of a call, and the length of its texts, whatever the table of prices or the counter does."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Final, TypeVar

from vital_shared.billing.rates import Rates
from vital_shared.llm.prompts.counting import at_most, count_roughly, estimate_tokens
from vital_shared.logs import get_logger
from vital_shared.models.hosted_calls import NO_HOSTED_CALLS, HostedCalls
from vital_shared.models.model_call import Tokens
from vital_shared.models.money import NANOS, to_dollars, to_nanos

__all__ = ["CallPricing"]

logger = get_logger(__name__)

T = TypeVar("T")

MAX_STATED_FACTOR: Final = 10
"""Multiple of the table's price up to which, with a dollar more, a provider's own cost is believed."""


class CallPricing:
    """The pricing of calls, and the length of texts.

    :param rates: returns the rates of a model's tokens, or None where they are unknown.
    :param count: tokens of a text, for calls whose provider did not say.
    :param bound: tokens that a text has at most, where the money must suffice; None: `count`.
    :param has_own_price: returns whether a model's price is configured, so that no other counts; None: it is.
    :param max_nanos: returns the most that a call costs, as `Prices.max_nanos`; None: by its rates.
    :param clock: seconds, monotonic.
    """

    def __init__(
        self,
        rates: Callable[[str, Tokens], Rates | None],
        count: Callable[[str], int],
        bound: Callable[[str], int] | None = None,
        *,
        has_own_price: Callable[[str], bool] | None = None,
        max_nanos: Callable[[str, int, int, Collection[str], HostedCalls], int | None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.clock = clock
        self._rates = rates
        self._count = count
        self._bound = bound or count
        self._max_nanos = max_nanos
        self._has_own_price = has_own_price or (lambda _model: True)

    def rates(self, model: str, tokens: Tokens) -> Rates | None:
        """Return what a model's tokens cost; None where nobody knows, or the table of prices fails."""
        return self._looked_up(model, lambda: self._rates(model, tokens))

    def max_nanos(
        self,
        model: str,
        input_tokens: int,
        output_tokens: int,
        asked_terms: Collection[str] = (),
        hosted: HostedCalls = NO_HOSTED_CALLS,
    ) -> int | None:
        """Return the most nano-dollars that a call costs, whatever kinds its tokens are of.

        None: nobody knows the price, or the table of prices fails.

        :param asked_terms: the words of the request that may name terms of the price.
        :param hosted: the most that the provider's own tools are used.
        """
        if self._max_nanos is None:
            rates = self.rates(model, Tokens(input=input_tokens, output=output_tokens))
            return None if rates is None else rates.max_nanos(input_tokens, output_tokens, hosted)
        max_nanos = self._max_nanos
        return self._looked_up(
            model, lambda: max_nanos(model, input_tokens, output_tokens, asked_terms, hosted)
        )

    def _looked_up(self, model: str, look_up: Callable[[], T]) -> T | None:
        """Return what the table of prices says; None where it fails: the model has no price then."""
        try:
            return look_up()
        except Exception:  # a package's own, over data of any kind; a call is not refused for it
            logger.exception("price_lookup_failed", model=model)
            return None

    def cost(
        self, model: str, tokens: Tokens, stated: Decimal | None = None
    ) -> tuple[Rates | None, int | None]:
        """Return the rates of a call's tokens and its cost in nano-dollars; None: nobody knows.

        :param stated: the dollars that the provider itself states for the call, which it will charge. They go
            before the table of prices, but not before a price that is configured.
        """
        rates = self.rates(model, tokens)
        nanos = 0 if not tokens.total else None if rates is None else rates.nanos(tokens)
        if stated is None or (rates is not None and self._has_own_price(model)):
            return rates, nanos
        most = None if rates is None else MAX_STATED_FACTOR * (nanos or 0) + NANOS
        return rates, to_nanos(stated) if most is None or to_nanos(stated) <= most else nanos

    def count(self, text: str) -> int:
        """Return the tokens of a text, a long one's by samples; a rule of thumb where the counter fails."""
        try:
            return count_roughly(self._count, text)
        except Exception:
            logger.exception("token_counter_failed")
            return estimate_tokens(text)

    def count_at_most(self, text: str) -> int:
        """Return the tokens that a text has at most; its bytes where the counter fails."""
        try:
            return self._bound(text)
        except Exception:
            logger.exception("token_counter_failed")
            return at_most(text)

    def price(self, model: str, tokens: Tokens) -> Decimal | None:
        """Return the dollars for a model's tokens, or None where nobody knows."""
        rates = self.rates(model, tokens)
        return None if rates is None else to_dollars(rates.nanos(tokens))
