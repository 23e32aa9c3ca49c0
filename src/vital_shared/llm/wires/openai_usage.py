"""Token counts in the dialects of OpenAI-compatible providers.

Sources: OpenAI's reference, "CompletionUsage", and those of DeepSeek (``prompt_cache_hit_tokens``), Moonshot
(``cached_tokens``), OpenRouter (``cost``, ``cache_write_tokens``), xAI (reasoning beside the completion,
``cost_in_usd_ticks``) and Perplexity (``cost.total_cost``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from vital_shared.llm.base import Usage
from vital_shared.llm.wires.counts import UsageReader
from vital_shared.models.price_details import PriceDetails

__all__ = ["read_usage"]


_IN: Final = ("prompt_tokens_details", "input_tokens_details", "input_token_details")

_OUT: Final = ("completion_tokens_details", "output_tokens_details", "output_token_details")

_TERMS: Final = frozenset({"flex", "priority", "batch", "scale"})
"""Tiers with prices of their own; ``default`` has none."""

_TICKS: Final = 10**10
"""xAI's ticks in a dollar."""


def read_usage(raw: Any, service_tier: Any = None) -> Usage:
    """Read the counts of one call, whichever of them are part of which.

    :param service_tier: the tier that the response names beside its usage.
    """
    reader = UsageReader(raw)
    prompt, completion = (
        reader.count("prompt_tokens", "input_tokens"),
        reader.count("completion_tokens", "output_tokens"),
    )
    cached = reader.count(
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "cached_tokens",
        "input_token_details.cached_tokens",
        "prompt_cache_hit_tokens",
        "cache_read_input_tokens",
    )
    written = reader.count("prompt_tokens_details.cache_write_tokens", "cache_creation_input_tokens")
    reasoning = reader.count(
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "reasoning_tokens",
    )
    on_top, beside = _outside(
        reader.count("total_tokens"), prompt or 0, completion or 0, cached or 0, reasoning or 0
    )
    if prompt is None and completion is None:
        prompt = reader.count("total_tokens")  # embeddings count nothing else
    return reader.usage(
        input_tokens=None if prompt is None else prompt + on_top,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        output_tokens=None if completion is None else completion + beside,
        reasoning_tokens=reasoning,
        provider_cost=_cost(reader),
        details=_details(reader, service_tier),
    )


def _cost(reader: UsageReader) -> Decimal | None:
    """Return the dollars that the provider states, in the form of OpenRouter, Perplexity or xAI."""
    if reader.is_object("cost"):
        return reader.dollars("cost.total_cost")
    ticks = reader.dollars("cost_in_usd_ticks", unit=_TICKS)
    cost = reader.dollars("cost")
    if cost is None:
        return ticks
    if not reader.is_true("is_byok"):
        return cost
    # OpenRouter's own cost is then its fee alone: the key's owner pays the provider.
    return cost + (reader.dollars("cost_details.upstream_inference_cost") or 0)


def _details(reader: UsageReader, service_tier: Any) -> PriceDetails | None:
    """Return what is priced apart; None where the answer states nothing of the kind, as most do."""
    read, written = ([folder for folder in folders if reader.has(folder)] for folders in (_IN, _OUT))
    tier = service_tier.lower() if isinstance(service_tier, str) else reader.text("service_tier")
    if not read and not written and tier not in _TERMS:
        return None

    def count(folders: list[str], name: str) -> int:
        return reader.count(*(f"{folder}.{name}" for folder in folders)) or 0

    cached_audio = count(read, "cached_tokens_details.audio_tokens")
    cached_image = count(read, "cached_tokens_details.image_tokens")
    return PriceDetails(
        audio_input=max(0, count(read, "audio_tokens") - cached_audio),
        cached_audio_input=cached_audio,
        image_input=max(0, count(read, "image_tokens") - cached_image),
        cached_image_input=cached_image,
        audio_output=count(written, "audio_tokens"),
        image_output=count(written, "image_tokens"),
        terms=(tier,) if tier in _TERMS else (),
    )


def _outside(total: int | None, prompt: int, completion: int, cached: int, reasoning: int) -> tuple[int, int]:
    """Return how many cached tokens the prompt leaves out, and how many of reasoning the completion.

    Providers differ, and the total shows it; without one, a part above its whole cannot be within it.
    """
    if not total:
        return cached if cached > prompt else 0, reasoning if reasoning > completion else 0
    rest = total - prompt - completion
    if rest <= 0:
        return 0, 0
    for on_top, beside in ((0, reasoning), (cached, 0), (cached, reasoning)):
        if rest == on_top + beside:
            return on_top, beside
    return 0, 0
