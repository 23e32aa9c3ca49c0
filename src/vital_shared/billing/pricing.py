"""Prices of tokens: those configured, else those of the table; nothing is fetched.

A model in neither has no price, which is not the same as a price of 0.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from math import prod
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from vital_shared.billing.rates import Rates, Tariff
from vital_shared.models.base import Frozen
from vital_shared.models.hosted_calls import NO_HOSTED_CALLS, HostedCalls
from vital_shared.models.model_call import Tokens
from vital_shared.models.money import to_dollars
from vital_shared.models.price_details import PriceDetails

if TYPE_CHECKING:
    from vital_shared.billing.price_table import TablePrices

__all__ = ["FREE_PROVIDERS", "TABLE_VERSION", "Price", "Prices"]

TABLE_VERSION: Final = f"genai-prices {version('genai-prices')}"
"""The release of the table's prices, which dates them."""

FREE_PROVIDERS: Final = frozenset({"local", "ollama", "vllm"})
"""Providers on one's own machines: a declared price of 0."""

MAX_CACHED_MODELS: Final = 1_000
"""Models whose prices are kept once they were looked up; their names come from users."""

TERM_FACTORS: Final[Mapping[str, Mapping[str, Decimal]]] = {
    "openai": {"flex": Decimal("0.5"), "batch": Decimal("0.5")},
    "azure": {"batch": Decimal("0.5")},
    "gemini": {"flex": Decimal("0.5"), "batch": Decimal("0.5")},
    "anthropic": {"batch": Decimal("0.5"), "us": Decimal("1.1"), "fast": Decimal(6)},
}
"""Share of the usual price at other terms, by provider.

Sources: the pricing pages of OpenAI (Batch and Flex), Gemini (Batch and Flex), and Anthropic (Message
Batches, ``inference_geo``, ``speed``). Those that differ from model to model are configured (``terms``)."""

TERMS_ON_REQUEST: Final = frozenset({"fast", "batch"})
"""Terms that a provider never chooses by itself (Anthropic's ``speed``, and batches)."""

BARRED_BY: Final[Mapping[str, frozenset[str]]] = {
    word: frozenset({"priority"}) for word in ("default", "flex", "standard", "standard_only")
}
"""Terms that a request rules out by the tier that it names: none is served at a dearer one."""

_FREE_TARIFF: Final = Tariff(((0, Rates(0, 0, 0, 0, 0)),))

_PerMillion = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=9, strict=False)]

_Factor = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4, strict=False)]

_DETAILS: Final = tuple(name for name in PriceDetails.model_fields if name != "terms")


class Price(Frozen):
    """Dollars per million tokens."""

    input: _PerMillion
    output: _PerMillion
    cached_input: _PerMillion | None = None
    """None: as input."""
    cache_write: _PerMillion | None = None
    """None: as input."""
    reasoning: _PerMillion | None = None
    """None: as output."""
    cache_write_1h: _PerMillion | None = None
    """Written to a cache that is kept for an hour; None: as cache_write."""
    audio_input: _PerMillion | None = None
    """None: as input."""
    cached_audio_input: _PerMillion | None = None
    """None: as cached_input."""
    audio_output: _PerMillion | None = None
    """None: as output."""
    image_input: _PerMillion | None = None
    """None: as input."""
    cached_image_input: _PerMillion | None = None
    """None: as cached_input."""
    image_output: _PerMillion | None = None
    """None: as output."""
    video_input: _PerMillion | None = None
    """None: as input."""
    web_searches: _PerMillion | None = None
    """For a million searches of the web that the provider makes; None: they cost nothing."""
    grounded_prompts: _PerMillion | None = None
    """For a million requests that the provider makes such searches for; None: they cost nothing."""
    file_searches: _PerMillion | None = None
    """For a million searches of files that the provider stores; None: they cost nothing."""
    maps_prompts: _PerMillion | None = None
    """For a million requests whose answers rest on a map of the provider's; None: they cost nothing."""
    code_gigabytes: _PerMillion | None = None
    """For a million gigabytes of containers that the provider makes to run code; None: they cost nothing."""
    terms: dict[str, _Factor] = Field(default_factory=dict)
    """Factors of all prices of tokens at other terms, such as ``{priority = 2}``."""

    @property
    def rates(self) -> Rates:
        """The same in whole numbers."""
        return Rates.of(
            input=self.input,
            output=self.output,
            cached_input=self.cached_input,
            cache_write=self.cache_write,
            reasoning=self.reasoning,
            details={name: price for name in _DETAILS if (price := getattr(self, name)) is not None},
        )


class Prices:
    """The prices of all models, each resolved once.

    :param own: by ``provider:model``; they go before the table.
    :param now: for prices that hold for a time.
    :param price_name: returns the model whose price a deployment has; a price of its own goes before it.
    """

    def __init__(
        self,
        own: Mapping[str, Price] | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        price_name: Callable[[str], str] = str,
    ) -> None:
        self._own = {model: Tariff(((0, price.rates),)) for model, price in (own or {}).items()}
        self._own_terms = {model: price.terms for model, price in (own or {}).items()}
        self._now = now
        self._price_name = price_name
        self._resolved: OrderedDict[str, Tariff | TablePrices | None] = OrderedDict()

    def rates(self, model: str, tokens: Tokens) -> Rates | None:
        """Return what holds for a call; None where nobody knows the model's price.

        :param model: ``provider:model``, or the bare name of an embedded one.
        """
        tariff = self._tariff(model)
        if tariff is None:
            return None
        rates = tariff.rates(tokens)
        if tokens.details is None or not tokens.details.terms:
            return rates
        factor = self._factor(model, tokens.details.terms)
        return rates if factor == 1 else rates.scaled(factor)

    def max_nanos(
        self,
        model: str,
        input_tokens: int,
        output_tokens: int,
        asked_terms: Collection[str] = (),
        hosted: HostedCalls = NO_HOSTED_CALLS,
    ) -> int | None:
        """Return the most nano-dollars that a call costs; None where nobody knows the model's price.

        Each token counts as the dearest kind that there is, at the dearest terms that may be chosen.

        :param asked_terms: the words of the request that may name terms, such as its tier.
        :param hosted: the most that the provider's own tools are used.
        """
        tariff = self._tariff(model)
        if tariff is None:
            return None
        factor = self._max_factor(model, asked_terms)
        return max(
            rates.scaled(factor).max_nanos(input_tokens, output_tokens, hosted)
            for start, rates in tariff.steps
            if start == 0 or input_tokens > start
        )

    def _max_factor(self, model: str, asked: Collection[str]) -> Decimal:
        barred = {term for word in asked for term in BARRED_BY.get(word, ())}
        chosen = (
            factor
            for term, factor in self._factors(model).items()
            if factor > 1 and term not in barred and (term not in TERMS_ON_REQUEST or term in asked)
        )
        return prod(chosen, start=Decimal(1))

    def has_own(self, model: str) -> bool:
        """Return whether the price of a model is configured, which goes before all others."""
        return model in self._own or self._price_name(model) in self._own

    def typical_nanos(self, model: str) -> int | None:
        """Return nano-dollars of a call with a thousand tokens in and a quarter of that out."""
        tokens = Tokens(input=1_000, output=250)
        rates = self.rates(model, tokens)
        return None if rates is None else rates.nanos(tokens)

    def _factor(self, model: str, terms: Sequence[str]) -> Decimal:
        factors = self._factors(model)
        return prod((factors.get(term, Decimal(1)) for term in terms), start=Decimal(1))

    def _factors(self, model: str) -> Mapping[str, Decimal]:
        """Return the factors of a model's prices, by the name of the terms."""
        name = self._price_name(model)
        own = self._own_terms.get(model) or self._own_terms.get(name, {})
        return {**TERM_FACTORS.get(name.partition(":")[0], {}), **own}

    def cost(self, model: str, tokens: Tokens) -> Decimal | None:
        """Return what a call cost in dollars, in whole nano-dollars; None where nobody knows the price."""
        rates = self.rates(model, tokens)
        return None if rates is None else to_dollars(rates.nanos(tokens))

    def _tariff(self, model: str) -> Tariff | None:
        """Return what a model's tokens cost now; None: nobody knows."""
        found = self._find(model)
        return found if found is None or isinstance(found, Tariff) else found.tariff(self._now())

    def _find(self, model: str) -> Tariff | TablePrices | None:
        own = self._own.get(model) or self._own.get(self._price_name(model))
        if own is not None:
            return own
        if model not in self._resolved:
            self._resolved[model] = _resolve(self._price_name(model))
            if len(self._resolved) > MAX_CACHED_MODELS:
                self._resolved.popitem(last=False)
        return self._resolved[model]


def _resolve(model: str) -> Tariff | TablePrices | None:
    provider, _, name = model.partition(":")
    if provider in FREE_PROVIDERS or model == "extractive":
        return _FREE_TARIFF
    if not name:
        return None
    from vital_shared.billing.price_table import TablePrices  # noqa: PLC0415 - large: loaded with the need

    try:
        return TablePrices(provider, name)
    except LookupError:
        return None
