"""Looks at a run that is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from vital_client.errors import WaitTimeout

__all__ = ["Polls"]

FIRST_WAIT_SECONDS: Final = 0.1

MAX_WAIT_SECONDS: Final = 2.0

MIN_LOOK_SECONDS: Final = 1.0
"""The time for a last look, when that for the wait is over."""


class Polls:
    """The waits between the looks at one run, ever longer.

    :param timeout_seconds: None: there is no end to them.
    :param now: seconds of a clock that never goes back.
    """

    def __init__(
        self, run_id: str, timeout_seconds: float | None, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._run_id = run_id
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._since = now()
        self._next_seconds = FIRST_WAIT_SECONDS

    def wait_seconds(self) -> float:
        """Return the seconds until the next look.

        :raises WaitTimeout: when the time is up.
        """
        wait, self._next_seconds = self._next_seconds, min(MAX_WAIT_SECONDS, self._next_seconds * 1.5)
        return self.limit(wait)

    def limit(self, seconds: float) -> float:
        """Return as much of a wait as there is time for.

        :raises WaitTimeout: when the time is up.
        """
        left = self._left()
        if left is None:
            return seconds
        if left <= 0 and self._timeout_seconds is not None:
            raise WaitTimeout(self._run_id, self._timeout_seconds)
        return min(seconds, left)

    def look_seconds(self) -> float | None:
        """Return the seconds that a look may take, a last one too; None: any time."""
        left = self._left()
        return None if left is None else max(left, MIN_LOOK_SECONDS)

    def _left(self) -> float | None:
        timeout = self._timeout_seconds
        return None if timeout is None else self._since + timeout - self._now()
