"""Content negotiation: choose the form of a response that the client prefers."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["prefers_csv", "prefers_stream"]


def prefers_csv(accept: str) -> bool:
    """Return whether an Accept header ranks CSV above JSON; alike means JSON."""
    return _quality(accept, "text", "csv") > _quality(accept, "application", "json")


@lru_cache(maxsize=100)  # of the headers of all clients there are few
def prefers_stream(accept: str) -> bool:
    """Return whether an Accept header (RFC 9110, 12.5.1) ranks event streams above JSON; a tie: JSON."""
    return _quality(accept, "text", "event-stream") > _quality(accept, "application", "json")


def _quality(accept: str, kind: str, subtype: str) -> float:
    """Return the weight of a media type: that of the most specific range that covers it."""
    ranks = {f"{kind}/{subtype}": 2, f"{kind}/*": 1, "*/*": 0}
    found = [
        (ranks[name], _weight(parameters))
        for name, *parameters in (part.replace(" ", "").lower().split(";") for part in accept.split(","))
        if name in ranks
    ]
    return max(found)[1] if found else 0.0


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
