"""Looks at a run that is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from vital_client.errors import WaitTimeout

__all__ = ["Polls"]

FIRST_WAIT_SECONDS: Final = 0.1

MAX_WAIT_SECONDS: Final = 2.0


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
        if self._timeout_seconds is None:
            return wait
        left = self._since + self._timeout_seconds - self._now()
        if left <= 0:
            raise WaitTimeout(self._run_id, self._timeout_seconds)
        return min(wait, left)
