"""Token counts in the dialects of OpenAI-compatible providers.

Sources: OpenAI's reference, "CompletionUsage", and those of DeepSeek (``prompt_cache_hit_tokens``), Moonshot
(``cached_tokens``), OpenRouter (``cost``, ``cache_write_tokens``) and xAI (reasoning beside the completion).
"""

from __future__ import annotations

from typing import Any

from vital_shared.llm.base import Usage
from vital_shared.llm.wires.counts import UsageReader

__all__ = ["read_usage"]


def read_usage(raw: Any) -> Usage:
    """Read the counts of one call, whichever of them are part of which."""
    reader = UsageReader(raw)
    prompt, completion = (
        reader.count("prompt_tokens", "input_tokens"),
        reader.count("completion_tokens", "output_tokens"),
    )
    cached = reader.count(
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "cached_tokens",
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
    return reader.usage(
        input_tokens=None if prompt is None else prompt + on_top,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        output_tokens=None if completion is None else completion + beside,
        reasoning_tokens=reasoning,
        provider_cost=reader.dollars("cost"),
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
