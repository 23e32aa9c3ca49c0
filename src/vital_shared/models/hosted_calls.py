"""The most that a provider's own tools, which it runs by itself, are used for one request."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["NO_HOSTED_CALLS", "HostedCalls"]


class HostedCalls(NamedTuple):
    """The use of a provider's own tools that has prices of its own."""

    searches: int = 0
    """Searches of the web and of files."""
    maps_prompts: int = 0
    """Requests that may rest on a map, however often it is looked at: one or none."""
    code_gigabytes: int = 0
    """Memory of the containers that may be made to run code."""


NO_HOSTED_CALLS: Final = HostedCalls()
