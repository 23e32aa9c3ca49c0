"""A reader of a run that follows it from worker to worker, to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Protocol

from ai_engine.engine import Engine
from ai_engine.runs.hub import LiveRun
from ai_engine.runs.last_event import last_frames, lost_event
from vital_shared.errors import NotFound, StoreError
from vital_shared.events.encoding import encode, last_seq, last_type
from vital_shared.events.log import LogLost, PeerLog
from vital_shared.logs import get_logger
from vital_shared.models.event import OUTCOMES
from vital_shared.store.runs import RunRecord

__all__ = ["RunReader", "following_run"]

logger = get_logger(__name__)

LOOK_SECONDS: Final = 0.25
"""The time between two looks for a run that no worker has at the moment."""

MISSING_SECONDS: Final = 2.5
"""The time for which the events of a run that has ended are looked for: Redis may be slow for a moment."""

UNREACHABLE_SECONDS: Final = 30.0
"""The time for which they are looked for where Redis does not answer at all."""


class _Source(Protocol):
    """A reader's place in the log of one worker."""

    seen: int

    async def frames(self) -> bytes: ...


class RunReader:
    """A reader of one run, from an event on.

    Where a run has no worker, since it is queued or has lost its own, it waits for the next one, which goes
    on with the next number. A run that nobody will go on with ends with what the store has of it.

    :param after: the number of the last event that the reader has.
    """

    def __init__(self, engine: Engine, run_id: str, after: int) -> None:
        self.seen = after
        """The number of the last event that was read."""
        self.has_ended = False
        """Whether the last event of the run was read."""
        self._engine = engine
        self._run_id = run_id
        self._places = AsyncExitStack()
        self._source: _Source | None = None
        self._is_over = False
        self._missing_since: float | None = None
        """The time, by the loop's clock, since which the events of a run that has ended are not found."""

    async def frames(self) -> bytes:
        """Return all that is new, encoded; empty at the end, or where this worker stops before it."""
        while not self._is_over:
            if self._source is None:
                if piece := await self._next_source():
                    return piece
            elif piece := await self._read(self._source):
                self.seen = self._source.seen
                self.has_ended = last_type(piece) in OUTCOMES
                return piece
            elif self.has_ended:
                break
            else:
                await self.leave()
        return b""

    async def leave(self) -> None:
        """Leave the place where it reads."""
        self._source = None
        await self._places.aclose()

    async def begin(self, source: LiveRun | PeerLog) -> None:
        """Read at a worker."""
        if isinstance(source, LiveRun):
            self._source = await self._places.enter_async_context(source.follow(self.seen))
        else:
            self._source = self._places.enter_context(source.follow(self.seen))

    async def _read(self, source: _Source) -> bytes:
        try:
            return await source.frames()
        except LogLost:  # its worker has died, or Redis does not answer
            return b""

    async def _next_source(self) -> bytes:
        """Find the worker that has the run now; returns the run's last event where none will have it."""
        source = await self._find()
        if source is not None and self._engine.hub.stopping and not isinstance(source, LiveRun):
            self._is_over = True  # the client goes on at another engine: this one is about to end
            return b""
        if source is not None:
            await self.begin(source)
            return b""
        end = await self._end()
        if not end and not self._is_over:
            await asyncio.sleep(LOOK_SECONDS)
        return end

    async def _find(self) -> LiveRun | PeerLog | None:
        """Find the next events: here, or at another worker."""
        here = self._find_here()
        if here is not None:
            return here
        peer_log = await self._engine.services.logs.find_peer_log(self._run_id)
        if peer_log is None or (peer_log.state != "live" and peer_log.last_seq <= self.seen):
            return None
        return peer_log

    def _find_here(self) -> LiveRun | None:
        """Find the next events in this process."""
        here = self._engine.hub.find(self._run_id)
        if here is None or not here.has_after(self.seen) or here.log.first_seq > self.seen + 1:
            return None
        # a log that is closed before its run has ended would be read again without a wait
        return here if here.last_seq > self.seen or not here.log.is_closed else None

    async def _end(self) -> bytes:
        """Return what is left of a run that goes on nowhere; empty while it does, or will."""
        services = self._engine.services
        try:
            record = await services.runs.get(self._run_id, tenant_id=None, now=services.now())
        except NotFound:  # an answer from the cache, or a request that joined another's, which ended early
            self._is_over = True
            return b""
        except StoreError as error:
            logger.info("run_not_looked_up", run_id=self._run_id, reason=error.for_operators)
            return b""
        if self._find_here() is not None:  # it was begun here, and may even have ended, during that look
            return b""
        is_late = record.status in ("completed", "awaiting_approval") and await self._has_waited()
        frames = await last_frames(services.logs, record, self.seen, gives_up=is_late)
        if frames is None and await self._is_lost(record):
            frames = encode(lost_event(record, self.seen + 1))
        if frames is None:
            self._is_over = self._engine.hub.stopping
            return b""
        self.seen = max(self.seen, last_seq(frames))
        self.has_ended = self._is_over = True
        return frames

    async def _has_waited(self) -> bool:
        """Return whether the events of a run that has ended, or waits, were looked for long enough."""
        now = asyncio.get_running_loop().time()
        self._missing_since = now if self._missing_since is None else self._missing_since
        waited = now - self._missing_since
        if waited < MISSING_SECONDS:
            return False
        return waited >= UNREACHABLE_SECONDS or await self._engine.services.logs.are_reachable()

    async def _is_lost(self, record: RunRecord) -> bool:
        """Return whether the worker of a run that no other can take over has died."""
        if record.is_durable or record.status != "running":
            return False
        peer_log = await self._engine.services.logs.find_peer_log(self._run_id)
        return peer_log is not None and peer_log.state == "lost"


@asynccontextmanager
async def following_run(
    engine: Engine, run_id: str, after: int, source: LiveRun | PeerLog | None = None
) -> AsyncIterator[RunReader]:
    """Follow a run wherever it is.

    :param source: the worker that has it at first, where that is known.
    """
    reader = RunReader(engine, run_id, after)
    try:
        if source is not None:
            await reader.begin(source)
        yield reader
    finally:
        await reader.leave()
