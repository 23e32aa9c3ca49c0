"""The rules by which a request is sent again, and a lost connection made again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx

from vital_client.calls import Call
from vital_client.responses import failure_of, problem_of, retry_after_seconds

__all__ = ["Outcome", "Retries", "Retrying"]

Outcome = httpx.Response | httpx.TransportError
"""A response that is no success, or the error of a connection."""

REFUSED: Final = frozenset({429, 503})
"""Statuses of requests that may succeed a moment later."""

AWAY: Final = frozenset({429, 502, 503, 504})
"""Statuses of an engine that restarts, some of them sent by the proxy before it."""

UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors before a request has left."""

MAX_BACKOFF_SECONDS: Final = 8.0

MAX_RECONNECT_BACKOFF_SECONDS: Final = 2.0
"""Less than for a refused request: a reader waits, and opening a connection costs the engine little."""

BACKOFF_SECONDS: Final = 0.25

MAX_RETRY_AFTER_SECONDS: Final = 60.0
"""The longest wait that is kept; an engine that asks for more, such as until the next month, is not asked
again."""


@dataclass(frozen=True, slots=True)
class Retries:
    """The rules of one client.

    :param limit: requests that are sent after the first one, at most.
    :param reconnect_seconds: the time for which the connection to a run that has begun is made again.
    :param jitter: a number from 0 to 1, so that clients do not come back all at once.
    :param now: seconds of a clock that never goes back.
    """

    limit: int
    reconnect_seconds: float = 60.0
    jitter: Callable[[], float] = random.random
    now: Callable[[], float] = time.monotonic

    def begin(self, url: httpx.URL, *, has_begun: bool = False) -> Retrying:
        """Begin with an operation.

        :param has_begun: whether its run exists, so that it is worth to wait for the engine.
        """
        return Retrying(self, url, has_begun=has_begun)

    def backoff_seconds(self, attempt: int, max_seconds: float, outcome: Outcome) -> float:
        """Return the seconds until the next attempt: ever longer, or as long as the engine asks for."""
        asked = retry_after_seconds(outcome) if isinstance(outcome, httpx.Response) else None
        backoff = min(max_seconds, BACKOFF_SECONDS * 2.0 ** min(attempt - 1, 16))
        return max(asked or 0.0, backoff * (0.5 + self.jitter() / 2))


class Retrying:
    """The attempts of one operation.

    Until a run has begun, a few attempts are made. From then on there is an answer to lose, so the
    connection is made again for a time in which an engine restarts.
    """

    def __init__(self, rules: Retries, url: httpx.URL, *, has_begun: bool) -> None:
        self._rules = rules
        self._url = url
        self._has_begun = has_begun
        self._attempt = 0
        self._lost_at: float | None = None

    def progressed(self) -> None:
        """Note that the run has begun and that the connection brings something."""
        self._has_begun = True
        self._attempt, self._lost_at = 0, None

    def wait_seconds(self, call: Call[Any], outcome: Outcome) -> float:
        """Return the seconds until a request that failed is sent again.

        :raises ClientError: when it is not sent again.
        """
        self._attempt += 1
        self._has_begun = self._has_begun or _may_have_begun(call, outcome)
        return (
            self._until_reconnected(call, outcome) if self._has_begun else self._until_retried(call, outcome)
        )

    def _until_retried(self, call: Call[Any], outcome: Outcome) -> float:
        asked = retry_after_seconds(outcome) if isinstance(outcome, httpx.Response) else None
        is_too_long = asked is not None and asked > MAX_RETRY_AFTER_SECONDS
        if is_too_long or self._attempt > self._rules.limit or not _may_be_sent_again(call, outcome):
            raise failure_of(outcome, self._url)
        return self._rules.backoff_seconds(self._attempt, MAX_BACKOFF_SECONDS, outcome)

    def _until_reconnected(self, call: Call[Any], outcome: Outcome) -> float:
        now = self._rules.now()
        self._lost_at = now if self._lost_at is None else self._lost_at
        left = self._lost_at + self._rules.reconnect_seconds - now
        if left <= 0 or not _may_come_back(call, outcome):
            raise failure_of(outcome, self._url)
        wait = self._rules.backoff_seconds(self._attempt, MAX_RECONNECT_BACKOFF_SECONDS, outcome)
        return min(left, wait)


def _may_be_sent_again(call: Call[Any], outcome: Outcome) -> bool:
    """Return whether a second request can do no harm: nothing has begun, or it would begin only once."""
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in REFUSED and "run_id" not in problem_of(outcome)
    return call.is_repeatable or isinstance(outcome, UNSENT)


def _may_have_begun(call: Call[Any], outcome: Outcome) -> bool:
    """Return whether a run may have begun to which the same request leads again."""
    was_sent = isinstance(outcome, httpx.TransportError) and not isinstance(outcome, UNSENT)
    return was_sent and call.has_key


def _may_come_back(call: Call[Any], outcome: Outcome) -> bool:
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in AWAY and "run_id" not in problem_of(outcome)
    return call.is_repeatable or isinstance(outcome, UNSENT)
