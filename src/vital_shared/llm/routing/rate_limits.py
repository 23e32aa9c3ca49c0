"""Rate limits as providers state them with their responses.

Sources: the pages on rate limits of OpenAI (``x-ratelimit-remaining-requests``, ``-tokens``), whom Azure and
Groq follow, and of Anthropic (``anthropic-ratelimit-requests-remaining``); RFC 9110, "Retry-After".
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from http import HTTPStatus
from typing import Final, TypeVar

__all__ = ["RateLimitBook"]

V = TypeVar("V")

DEFAULT_COOLDOWN_SECONDS: Final = 5.0
"""Time for which a deployment is left alone that refused a call with 429 and did not say for how long."""

MAX_COOLDOWN_SECONDS: Final = 300.0

REMAINING_SECONDS: Final = 60.0
"""Time for which a stated remainder counts: limits are by the minute."""

MAX_NAMES: Final = 1_000
"""Deployments that are remembered; names of models come from users."""

_PAIRS: Final = tuple(
    (f"x-ratelimit-remaining-{kind}", f"x-ratelimit-limit-{kind}") for kind in ("requests", "tokens")
) + tuple(
    (f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-limit")
    for kind in ("requests", "tokens", "input-tokens", "output-tokens")
)
"""Headers with a remainder, and with the limit that it is of."""


class RateLimitBook:
    """The state of the rate limits of all deployments.

    :param now: seconds, monotonic.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._cool_until: OrderedDict[str, float] = OrderedDict()
        self._remaining: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """The share that is left, and the time from which on it does not count."""
        self._peers: dict[str, set[str]] = {}

    def note(self, name: str, status: int, headers: Mapping[str, str]) -> None:
        """Note a response's headers, whose names may be in any case.

        :param name: ``provider:model``.
        """
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = _number(headers.get("Retry-After"))
            cooldown = DEFAULT_COOLDOWN_SECONDS if seconds is None else min(seconds, MAX_COOLDOWN_SECONDS)
            _keep(self._cool_until, name, self._now() + cooldown)
        shares = list(_shares(headers))
        if shares:
            _keep(self._remaining, name, (min(shares), self._now() + REMAINING_SECONDS))

    def add_peers(self, names: Collection[str]) -> None:
        """Note the members of a route that answer for each other."""
        for name in names:
            self._peers.setdefault(name, set()).update(peer for peer in names if peer != name)

    def has_free_peer(self, name: str) -> bool:
        """Return whether another member of a route can be asked now, so that none waits for this one."""
        return any(not self.is_cooling(peer) for peer in self._peers.get(name, ()))

    def is_cooling(self, name: str) -> bool:
        """Return whether a deployment has refused a call lately, and is to be left alone."""
        return self._cool_until.get(name, 0.0) > self._now()

    def remaining(self, name: str) -> float:
        """Return the share of its limit that is left, from 0 to 1; 1 where it is not known."""
        share, until = self._remaining.get(name, (1.0, 0.0))
        return share if until > self._now() else 1.0


def _keep(book: OrderedDict[str, V], name: str, value: V) -> None:
    book.pop(name, None)
    book[name] = value
    if len(book) > MAX_NAMES:
        book.popitem(last=False)


def _shares(headers: Mapping[str, str]) -> Iterator[float]:
    """Return the shares that are left, of requests and of tokens."""
    for remaining, limit in _PAIRS:
        left = _number(headers.get(remaining))
        if left is not None and (most := _number(headers.get(limit))):
            yield min(1.0, left / most)


def _number(text: str | None) -> float | None:
    """Read a number that is not below zero; None where there is none."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
