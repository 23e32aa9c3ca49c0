"""Lines of the log for failures that repeat: the first of a minute with its traceback, the others counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

__all__ = ["REPEAT_SECONDS", "FailureLog"]

REPEAT_SECONDS: Final = 60.0
"""The time in which one failure has one line, in seconds."""

MAX_KEYS: Final = 1_000
"""Failures that are counted apart, at most; with one more all begin anew."""


class _Written(NamedTuple):
    """The last line of a failure."""

    at: float
    unlogged: int
    """Failures since then."""


class FailureLog:
    """A log of failures that an outage does not flood.

    :param logger: the logger of its warnings.
    :param clock: seconds, monotonic.
    """

    def __init__(self, logger: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._written: dict[tuple[str, str], _Written] = {}

    def warn(self, event: str, key: str, error: BaseException, **fields: object) -> None:
        """Write a line, unless this failure had one within the last minute: then the next one counts it.

        :param key: the part that has failed, such as a source.
        """
        now, last = self._clock(), self._written.get((event, key))
        if last is not None and now - last.at < REPEAT_SECONDS:
            self._written[event, key] = _Written(last.at, last.unlogged + 1)
            return
        if len(self._written) >= MAX_KEYS:
            self._written.clear()
        self._written[event, key] = _Written(now, 0)
        more = {"unlogged": last.unlogged} if last is not None and last.unlogged else {}
        self._logger.warning(event, exc_info=error, **fields, **more)

    def forget(self) -> None:
        """Begin anew, as a process does; for tests."""
        self._written.clear()
