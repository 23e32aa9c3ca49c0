"""The API in whose form a client is answered: by its path, or by its headers where several have that path."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from ai_engine.protocols.anthropic.errors import is_anthropic
from ai_engine.protocols.gemini.errors import is_gemini
from ai_engine.protocols.near_paths import intended_path
from ai_engine.protocols.openai.names import UNSERVED_SEGMENTS, is_openai

__all__ = ["ANTHROPICS_VERSION", "GOOGLES_KEY", "NO_HEADERS", "Dialect", "dialect_of", "is_anthropics_client"]

Dialect = Literal["openai", "anthropic", "gemini", "vital"]

ANTHROPICS_VERSION: Final = "anthropic-version"
"""The header by which a client of Anthropic's API is known where OpenAI's API has the same path."""

GOOGLES_KEY: Final = "x-goog-api-key"
"""The header by which a client of the Gemini API is known where OpenAI's API has the same path."""

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

_SHARED_SEGMENTS: Final = frozenset({"models", *UNSERVED_SEGMENTS})
"""Beginnings of paths behind the version that are not OpenAI's alone."""


def is_anthropics_client(path: str, headers: Mapping[str, str]) -> bool:
    """Return whether a client of Anthropic's API asks; quick, since it is asked of each request."""
    if ANTHROPICS_VERSION not in headers:
        return is_anthropic(path)
    return dialect_of(path, headers) == "anthropic"


def dialect_of(path: str, headers: Mapping[str, str] = NO_HEADERS) -> Dialect:
    """Return whose client asks.

    :param headers: those of the request, with names in lower case.
    """
    path = intended_path(path) or path
    if is_gemini(path):
        return "gemini"
    if is_anthropic(path):
        return "anthropic"
    if not is_openai(path):
        return "vital"
    if path.split("/")[2] in _SHARED_SEGMENTS:
        if GOOGLES_KEY in headers:
            return "gemini"
        if ANTHROPICS_VERSION in headers:
            return "anthropic"
    return "openai"
