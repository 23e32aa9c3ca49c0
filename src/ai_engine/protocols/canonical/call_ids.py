"""Ids of tool calls, of which providers take less than other models and clients make.

A conversation may have begun with another model: Kimi's ids are such as ``functions.look:0``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from ai_engine.protocols.canonical.features import ProviderProtocol

__all__ = ["accepted_call_id"]

ACCEPTED: Final[Mapping[ProviderProtocol, re.Pattern[str]]] = {
    "openai": re.compile(r".{1,40}", re.DOTALL),
    "anthropic": re.compile(r"[a-zA-Z0-9_-]+"),
}
"""Ids that a provider takes: OpenAI those of 40 characters, Anthropic those of its pattern."""

HASH_CHARACTERS: Final = 24


def accepted_call_id(call_id: str, provider: ProviderProtocol) -> str:
    """Return an id as a provider takes it: another one by its hash, the same for a call and its output."""
    pattern = ACCEPTED.get(provider)
    if pattern is None or pattern.fullmatch(call_id):
        return call_id
    digest = sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"call_{digest[:HASH_CHARACTERS]}"
