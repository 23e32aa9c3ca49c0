"""The reasons for which a request was answered from the cache, or was not."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["CacheReason"]

CacheReason: TypeAlias = Literal[
    # hit
    "equal_question",
    "similar_question",
    "equal_request_running",
    # miss: an answer that may be kept, and answers that may not
    "not_found",
    "low_quality",
    "no_response",
    "tool_with_effects",
    # bypass
    "cache_off",
    "conversation",
    "idempotency_key",
    "background",
    "resumed",
    "workflow_not_cacheable",
    "node_with_effects",
    "node_reads_run_id",
    "input_not_in_json",
]
"""Reason of a cache decision.

Of a hit, the entry that was found; of a miss, that none was found, or beside it the reason for which this
answer is not kept for the next request; of a bypass, the reason for which the cache was not asked.
"""
