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

IMPOSSIBLE_LEAD: Final = 2 * MINUTE
"""Distance of a state from now that no clock reaches but one that was set back since: a minute's worth, and a
minute by which a request that has waited for the store is behind others."""


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
    step = MINUTE // per_minute
    following = _next_at(next_at, now, step) + step
    return RateDecision(max(following - MINUTE - now, timedelta(0)), following)


def requests_left(next_at: datetime | None, now: datetime, per_minute: int) -> int:
    """Return the number of requests that would be admitted now.

    :param next_at: the stored state; None: nothing yet.
    """
    step = MINUTE // per_minute
    return max(0, (now + MINUTE - _next_at(next_at, now, step)) // step)


def _next_at(next_at: datetime | None, now: datetime, step: timedelta) -> datetime:
    """Return the state as it can be now; where the clock was set back, one request is left of the minute."""
    if next_at is not None and next_at - now > IMPOSSIBLE_LEAD:
        return now + MINUTE - step
    return max(next_at or now, now)
