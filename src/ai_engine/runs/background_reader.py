"""A reader of a background run: it waits for its beginning, and reads it wherever it is run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Protocol

from ai_engine.engine import Engine
from vital_shared.events.encoding import encode
from vital_shared.events.log import LogLost
from vital_shared.models.event import Outcome
from vital_shared.store.runs import RunRecord

__all__ = ["BackgroundReader", "following_background"]

LOOK_SECONDS: Final = 0.25
"""The time between two looks for the beginning of a run, or for the end of one that cannot be read here."""

MakeEnd = Callable[[RunRecord, int], Outcome | None]


class _Frames(Protocol):
    async def frames(self) -> bytes: ...


class BackgroundReader:
    """A reader of one background run, from an event on.

    :param after: the number of the last event that the reader has.
    :param make_end: makes the last event of a run from its record; None while there is none.
    """

    def __init__(
        self, engine: Engine, run_id: str, after: int, make_end: MakeEnd, stack: AsyncExitStack
    ) -> None:
        self._engine = engine
        self._run_id = run_id
        self._after = after
        self._make_end = make_end
        self._stack = stack
        self._reader: _Frames | None = None
        self._is_over = False

    async def frames(self) -> bytes:
        """Return all that is new; empty at the end."""
        while not self._is_over:
            if self._reader is not None:
                return await self._read(self._reader)
            self._reader = await self._find()
            if self._reader is None:
                if end := await self._end():
                    return end
                await asyncio.sleep(LOOK_SECONDS)
        return b""

    async def _read(self, reader: _Frames) -> bytes:
        try:
            return await reader.frames()
        except LogLost:  # its worker has died: another attempt, or its end, follows
            self._reader = None
            return await self.frames()

    async def _find(self) -> _Frames | None:
        """Find the run's events: here, or in another process."""
        here = self._engine.hub.find(self._run_id)
        if here is not None and not here.ended.is_set():
            return await self._stack.enter_async_context(here.follow(self._after))
        logs = self._engine.services.logs
        elsewhere = await logs.find_elsewhere(self._run_id)
        if elsewhere is None or elsewhere.state != "live":
            return None
        return self._stack.enter_context(elsewhere.follow(self._after))

    async def _end(self) -> bytes:
        """Return the last event of a run that has ended or paused; empty: it goes on."""
        services = self._engine.services
        record = await services.runs.get(self._run_id, tenant_id=None, now=services.now())
        end = self._make_end(record, max(self._after, record.last_seq) + 1)
        if end is None:
            return b""
        here = self._engine.hub.find(self._run_id)
        if here is not None and here.log.first_seq <= self._after + 1:  # it ended between two looks
            self._reader = await self._stack.enter_async_context(here.follow(self._after))
            return await self._reader.frames()
        self._is_over = True
        return encode(end)


@asynccontextmanager
async def following_background(
    engine: Engine, run_id: str, make_end: MakeEnd, after: int
) -> AsyncIterator[BackgroundReader]:
    """Follow a background run of which nothing can be read here yet."""
    async with AsyncExitStack() as stack:
        yield BackgroundReader(engine, run_id, after, make_end, stack)
