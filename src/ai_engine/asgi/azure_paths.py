"""The paths of Azure OpenAI, whose clients name the model there (its REST reference, "Data plane")."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["DEPLOYMENT", "AzurePaths"]

DEPLOYMENT: Final = "deployment"
"""The key of a scope with the model that the path names."""

BEGINNING: Final = "/openai/"

_DEPLOYMENTS: Final = re.compile(r"/openai/deployments/(.+?)/(chat/completions|completions|embeddings)")
_OTHERS: Final = re.compile(r"/openai/(responses|models(?:/.+)?)")
_NEWER: Final = re.compile(
    r"/openai(/v1/(?:chat/completions|completions|embeddings|responses|models(?:/.+)?))"
)
"""Paths of Azure's newer API, whose clients name the model in the body, as OpenAI's do."""


class AzurePaths:
    """ASGI middleware: gives Azure's paths the names that they have in OpenAI's own API.

    Which of Azure's versions a client speaks (``api-version``) is not looked at.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        path = scope.get("path", "")
        if path.startswith(BEGINNING):
            if (found := _DEPLOYMENTS.fullmatch(path)) is not None:
                scope[DEPLOYMENT] = found[1]
                scope["path"] = f"/v1/{found[2]}"
            elif (other := _OTHERS.fullmatch(path)) is not None:
                scope["path"] = f"/v1/{other[1]}"
            elif (newer := _NEWER.fullmatch(path)) is not None:
                scope["path"] = newer[1]
        await self._app(scope, receive, send)
