"""The price table that comes with the package `genai-prices`: offline, and as old as that package is.

Prices that hold for a time, or differ by the length of the prompt, are resolved as the table means them:
above a threshold of input tokens the dearer price holds for all tokens of the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from vital_shared.billing.rates import Rates, Tariff

__all__ = ["TablePrices", "provider_of"]

get_snapshot()  # the data come with this module, and not with the first price, on an event loop

_THEIR_NAMES: Final = {"gemini": "google", "xai": "x-ai"}
"""Names of providers, where the table's differ from ours."""


_DETAILS: Final = {
    "cache_write_1h": "cache_write_1h_mtok",
    "audio_input": "input_audio_mtok",
    "cached_audio_input": "cache_audio_read_mtok",
    "audio_output": "output_audio_mtok",
    "image_input": "input_image_mtok",
    "cached_image_input": "cache_image_read_mtok",
    "image_output": "output_image_mtok",
    "video_input": "input_video_mtok",
}
"""The table's names of prices for the tokens that `PriceDetails` counts."""


_MISSING: Final[Mapping[str, Mapping[str, Decimal]]] = {
    "gpt-4o-audio-preview": {"audio_input": Decimal(40), "audio_output": Decimal(80)},
    "gpt-4o-mini-audio-preview": {"audio_input": Decimal(10), "audio_output": Decimal(20)},
}
"""Dollars per million tokens that the table lacks, by its own id of the model (OpenAI's pricing page)."""


_PRICED_BY_PROMPT: Final = re.compile(r"gemini-[12]\D")
"""Models whose price of a search is for a request with any (the Gemini API's pricing page and its guide
"Grounding with Google Search"); from Gemini 3 on it is for each search."""


_SEARCHING_MODELS: Final[Mapping[str, tuple[tuple[re.Pattern[str], Decimal], ...]]] = {
    "openai": (
        (re.compile(r"gpt-4o(-mini)?-search-preview"), Decimal("0.025")),
        (re.compile(r"gpt-5-search-api"), Decimal("0.01")),
    ),
}
"""Dollars for the one search of the web that a model makes for each request, by provider (OpenAI's guide "Web
search" on chat completions, and its pricing page: web search preview, and web search)."""


_HOSTED: Final[Mapping[str, tuple[tuple[re.Pattern[str], str, Decimal], ...]]] = {
    # $0.03 for a gigabyte and twenty minutes, billed by the minute, and for five minutes at least.
    "openai": ((re.compile(""), "code_gigabytes", Decimal(7_500)),),
    "gemini": ((_PRICED_BY_PROMPT, "maps_prompts", Decimal(25_000)),),
}
"""Dollars for a million uses of a provider's own tools that the table lacks, by the model's name (OpenAI's
pricing page and its changelog of 2 June 2026; the Gemini API's pricing page)."""


class TablePrices:
    """One model's prices in the table.

    :param provider: as in ``provider:model``.
    :param name: the provider's own name of the model.
    :raises LookupError: when the table does not know it.
    """

    def __init__(self, provider: str, name: str) -> None:
        theirs = _THEIR_NAMES.get(provider, provider)
        self._model: ModelInfo = get_snapshot().find_provider_model(name, None, theirs, None)[1]
        self._searches = "grounded_prompts" if _PRICED_BY_PROMPT.match(self._model.id) else "web_searches"
        self._search = next(
            (price for pattern, price in _SEARCHING_MODELS.get(provider, ()) if pattern.match(name)),
            Decimal(0),
        )
        self._lacking = dict(_MISSING.get(self._model.id, {})) | {
            kind: price for pattern, kind, price in _HOSTED.get(provider, ()) if pattern.match(self._model.id)
        }
        self._tariffs: dict[int, Tariff | None] = {}

    def tariff(self, now: datetime) -> Tariff | None:
        """Return what holds at a moment; None where tokens of text have no price."""
        prices = self._model.get_prices(now)
        if id(prices) not in self._tariffs:
            self._tariffs[id(prices)] = _tariff(prices, self._lacking, self._searches, self._search)
        return self._tariffs[id(prices)]


def provider_of(name: str) -> str:
    """Return the first provider in the table that has a model of this name.

    :raises LookupError: when none has.
    """
    return get_snapshot().find_provider_model(name, None, None, None)[0].id


def _tariff(
    prices: ModelPrice, missing: Mapping[str, Decimal], searches: str, search: Decimal
) -> Tariff | None:
    if prices.input_mtok is None and prices.output_mtok is None:
        return None
    return Tariff(
        tuple(
            (above, _rates(prices, above, missing, searches, search))
            for above in sorted({0, *_thresholds(prices)})
        )
    )


def _thresholds(prices: ModelPrice) -> Iterator[int]:
    usual = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok", "output_reasoning_mtok")
    for name in (*usual, *_DETAILS.values()):
        price = getattr(prices, name)
        if isinstance(price, TieredPrices):
            yield from (tier.start for tier in price.tiers)


def _rates(
    prices: ModelPrice, above: int, missing: Mapping[str, Decimal], searches: str, search: Decimal
) -> Rates:
    def at(name: str) -> Decimal | None:
        price: Decimal | TieredPrices | None = getattr(prices, name)
        if not isinstance(price, TieredPrices):
            return price
        return next((tier.price for tier in reversed(price.tiers) if above >= tier.start), price.base)

    return Rates.of(
        input=at("input_mtok") or Decimal(0),
        output=at("output_mtok") or Decimal(0),
        cached_input=at("cache_read_mtok"),
        cache_write=at("cache_write_mtok"),
        reasoning=at("output_reasoning_mtok"),
        request=(at("requests_kcount") or Decimal(0)) / 1000 + search,
        details={**missing, **_details(at, searches)},
    )


def _details(at: Callable[[str], Decimal | None], searches: str) -> dict[str, Decimal]:
    """Return the prices of what `PriceDetails` counts.

    :param searches: the field that the table's price of a search is for.
    """
    priced = {name: price for name, theirs in _DETAILS.items() if (price := at(theirs)) is not None}
    by_thousand = {searches: at("web_searches_kcount"), "file_searches": at("storage_searches_kcount")}
    return priced | {name: price * 1000 for name, price in by_thousand.items() if price is not None}
