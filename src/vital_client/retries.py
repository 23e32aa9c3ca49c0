"""The rules by which a request is sent again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx

from vital_client.calls import Call
from vital_client.responses import failure_of, problem_of, retry_after_seconds

__all__ = ["Retries"]

REFUSED: Final = frozenset({429, 503})
"""Statuses of requests that may succeed a moment later."""

UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors before a request has left."""

MAX_BACKOFF_SECONDS: Final = 8.0

BACKOFF_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Retries:
    """The rules of one client.

    :param limit: requests that are sent after the first one, at most.
    :param jitter: a number from 0 to 1, so that clients do not come back all at once.
    """

    limit: int
    jitter: Callable[[], float] = random.random

    def wait_seconds(
        self, call: Call[Any], attempt: int, outcome: httpx.Response | httpx.TransportError, url: httpx.URL
    ) -> float:
        """Return the seconds until a request that failed is sent again.

        :param attempt: 1 for the first request that failed.
        :raises ClientError: when it is not sent again.
        """
        if attempt > self.limit or not _may_be_sent_again(call, outcome):
            raise failure_of(outcome, url)
        asked = retry_after_seconds(outcome) if isinstance(outcome, httpx.Response) else None
        backoff = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0 ** (attempt - 1))
        return max(asked or 0.0, backoff * (0.5 + self.jitter() / 2))


def _may_be_sent_again(call: Call[Any], outcome: httpx.Response | httpx.TransportError) -> bool:
    """Return whether a second request can do no harm: nothing has begun, or it would begin only once."""
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in REFUSED and "run_id" not in problem_of(outcome)
    return call.is_repeatable or isinstance(outcome, UNSENT)
