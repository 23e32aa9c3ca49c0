"""The header Prefer (RFC 7240), by which a client asks for an asynchronous answer."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request

__all__ = ["APPLIED", "PREFER", "RESPOND_ASYNC", "prefers_async"]

PREFER: Final = "Prefer"
RESPOND_ASYNC: Final = "respond-async"
APPLIED: Final = {"Preference-Applied": RESPOND_ASYNC}

_NAME: Final = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)")


def prefers_async(request: Request) -> bool:
    """Return whether the client wants the run to go on in the background."""
    values = request.headers.getlist(PREFER)
    if not values:
        return False
    names = (_NAME.match(part) for value in values for part in value.split(","))
    return any(name is not None and name[1].lower() == RESPOND_ASYNC for name in names)
