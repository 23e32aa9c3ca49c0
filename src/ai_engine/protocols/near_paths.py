"""Paths of clients whose base URL is a little wrong: a slash too many, the version, or another server's."""

from __future__ import annotations

from typing import Final

from ai_engine.protocols.gemini.errors import METHODS

__all__ = ["intended_path"]

VERSIONS: Final = frozenset({"v1", "v1beta"})

SEGMENTS: Final = frozenset({"chat", "completions", "embeddings", "messages", "models", "responses"})
"""Beginnings of the paths that clients ask for, behind the version."""

FOREIGN: Final = frozenset({"anthropic", "api", "gemini", "google", "openai"})
"""Beginnings of paths at other servers, as in ``/api/v1``, ``/openai/v1`` or ``/v1beta/openai``."""

AZURES: Final = (["openai", "deployments"], ["v1", "deployments"], ["openai", "v1", "deployments"])
"""Beginnings of the paths of Azure's clients, behind which the name of the deployment is."""


def intended_path(path: str) -> str | None:
    """Return the path that a client of another API means; None: the path is right, or no such client's."""
    segments = [segment for segment in path.split("/") if segment]
    azures = next((begin for begin in AZURES if segments[: len(begin)] == begin), None)
    if azures is not None:
        del segments[: len(azures) + 1]
    elif any(segment in FOREIGN for segment in segments[:2]):
        while segments and (segments[0] in FOREIGN or (len(segments) > 1 and segments[1] in FOREIGN)):
            del segments[0]
    while len(segments) > 1 and segments[0] in VERSIONS and segments[1] in VERSIONS:
        del segments[0]
    if segments and segments[0] in SEGMENTS:
        is_geminis = segments[0] == "models" and segments[-1].rpartition(":")[2] in METHODS
        segments.insert(0, "v1beta" if is_geminis else "v1")
    if len(segments) < 2 or segments[0] not in VERSIONS or segments[1] not in SEGMENTS:
        return None
    if segments[1:] == ["chat"]:  # as in Ollama's "/api/chat"
        return None
    intended = "/" + "/".join(segments)
    return None if intended == path else intended
