"""Requests per minute, by the generic cell rate algorithm (GCRA; ITU-T I.371, Annex A).

Requests are thought of as coming evenly, one each `60 / rate` seconds. One moment is kept for each
tenant: when the next request would come if all had come evenly. A request that comes earlier is
admitted as long as that moment is no more than a minute away; so after a minute of silence a whole
minute's worth may come at once, and never more than two minutes' worth within any one minute.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

__all__ = ["RateDecision", "requests_left", "take_turn"]

MINUTE: Final = timedelta(minutes=1)


class RateDecision(NamedTuple):
    """Whether a request may come now."""

    wait: timedelta
    """The time that the request has to wait before it is admitted; zero: it is."""
    next_at: datetime
    """The rate limiter's new state, if the request is admitted."""


def take_turn(next_at: datetime | None, now: datetime, per_minute: int) -> RateDecision:
    """Decide on one request.

    :param next_at: the stored state; None: nothing yet.
    """
    # Whole microseconds, rounded down: rounded up, the last of a minute's worth would be refused.
    following = max(next_at or now, now) + MINUTE // per_minute
    return RateDecision(max(following - MINUTE - now, timedelta(0)), following)


def requests_left(next_at: datetime | None, now: datetime, per_minute: int) -> int:
    """Return the number of requests that would be admitted now.

    :param next_at: the stored state; None: nothing yet.
    """
    return max(0, (now + MINUTE - max(next_at or now, now)) // (MINUTE // per_minute))
