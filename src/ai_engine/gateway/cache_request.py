"""A client's wish for a cached answer: in the body, ``cache: {"ttl": 300}``, or in a header."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson
from starlette.requests import Request

from vital_shared.errors import InvalidRequest

__all__ = ["CacheRequest", "read_cache_request"]

FIELD: Final = "cache"
HEADER: Final = "X-Vital-Cache-TTL"

DEFAULT_TTL_SECONDS: Final = 300.0
MAX_TTL_SECONDS: Final = 86_400.0

UNREAD_FIELDS: Final = frozenset({FIELD, "user", "safety_identifier"})
"""Fields that change nothing of an answer."""


class CacheRequest(NamedTuple):
    """A wish for the answer that an equal request has got, or is getting."""

    ttl_seconds: float
    """The greatest age of the answer, and the time for which it is kept."""
    digest: str
    """The digest of all that the answer depends on."""


def read_cache_request(
    http_request: Request, body: Mapping[str, Any]
) -> tuple[CacheRequest | None, dict[str, Any]]:
    """Return the wish for a cached answer, and the body without it; None: the client has none.

    :raises InvalidRequest: when it cannot be read.
    """
    rest = {name: value for name, value in body.items() if name != FIELD}
    ttl = _ttl_of_body(body.get(FIELD))
    if ttl is None:
        ttl = _ttl_of_header(http_request.headers.get(HEADER))
    if not ttl:
        return None, rest
    read = {name: value for name, value in body.items() if name not in UNREAD_FIELDS}
    beta = http_request.headers.get("anthropic-beta")  # the one header that changes an answer
    text = orjson.dumps([http_request.url.path, beta, read], option=orjson.OPT_SORT_KEYS)
    return CacheRequest(ttl, hashlib.sha256(text).hexdigest()), rest


def _ttl_of_body(given: Any) -> float | None:
    """Return the seconds; None: nothing is said."""
    if given is None:
        return None
    if not isinstance(given, dict) or given.keys() - {"ttl"}:
        raise InvalidRequest('cache has to be an object, such as {"ttl": 300}', field=FIELD)
    ttl = given.get("ttl", DEFAULT_TTL_SECONDS)
    if isinstance(ttl, bool) or not isinstance(ttl, int | float):
        raise _bad_ttl("cache.ttl", FIELD)
    return _checked(ttl, "cache.ttl", FIELD)


def _ttl_of_header(given: str | None) -> float | None:
    if given is None:
        return None
    try:
        return _checked(float(given), HEADER, HEADER)
    except ValueError as error:
        raise _bad_ttl(HEADER, HEADER) from error


def _checked(ttl: float, name: str, field: str) -> float:
    if not (math.isfinite(ttl) and 0 <= ttl <= MAX_TTL_SECONDS):
        raise _bad_ttl(name, field)
    return float(ttl)


def _bad_ttl(name: str, field: str) -> InvalidRequest:
    return InvalidRequest(
        f"{name} has to be a number of seconds from 0 to {MAX_TTL_SECONDS:,.0f}", field=field
    )
