"""Protection from a source that may be slow or down: a breaker, and one kind of error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from vital_shared.breaker import OPEN_SECONDS, Breakers
from vital_shared.errors import SourceError

__all__ = ["LATE_SECONDS", "SourceGuard"]

LATE_SECONDS: Final = 2.0
"""A search that is cancelled after this time was late, and counts as a failure.

The deadline is the caller's own (`BaseWorkflow` gives a retrieval 5 seconds); one that is cancelled sooner
has lost its user.
"""


class SourceGuard:
    """A source that is left alone after several failures in a row, so that it holds up no more runs.

    :param source: name of the source.
    :param breakers: those of all sources of the engine.
    :param clock: seconds, monotonic.
    """

    def __init__(self, source: str, breakers: Breakers, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._breakers = breakers
        self._clock = clock

    @asynccontextmanager
    async def search(self) -> AsyncIterator[None]:
        """Enclose a search, and note what becomes of it.

        :raises SourceError: when the source is left alone; then nothing is asked.
        """
        if not self._breakers.allows(self._source):
            raise SourceError(
                f"The source {self._source} has failed several times in a row: it is asked again after "
                f"{OPEN_SECONDS:g} seconds."
            )
        started = self._clock()
        try:
            yield
        except asyncio.CancelledError:
            if self._clock() - started >= LATE_SECONDS:
                self._breakers.failed(self._source)
            raise
        except Exception:
            self._breakers.failed(self._source)
            raise
        self._breakers.succeeded(self._source)
