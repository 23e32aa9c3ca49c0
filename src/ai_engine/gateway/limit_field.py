"""The name of the limit of an answer in OpenAI's protocol, which has two."""

from __future__ import annotations

from typing import Final, Literal

__all__ = ["limit_field"]

OPENAIS_MODELS: Final = ("gpt-", "chatgpt-", "o1", "o3", "o4")
"""Beginnings of the names of OpenAI's own models, which refuse the older name of the limit."""


def limit_field(model: str) -> Literal["max_completion_tokens", "max_tokens"]:
    """Return the name that a model knows; servers of others than OpenAI mostly know the older one alone."""
    return "max_completion_tokens" if model.startswith(OPENAIS_MODELS) else "max_tokens"
