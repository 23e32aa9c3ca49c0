"""Answer the requests of other workers about the runs of this one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Final

from ai_engine.runs.hub import LiveRun, RunHub
from ai_engine.runs.peer_protocol import RunSegment, State, Wish
from vital_shared.models.cancellation import CANCELLED
from vital_shared.models.event import RunFailedEvent

__all__ = ["MORE", "OVER", "RunsHere", "part_of"]

MORE: Final = b"+"
OVER: Final = b"."
YES: Final = b"y"
NO: Final = b"n"

IDLE_SECONDS: Final = 70.0
"""Seconds without a request after which a reader is gone; longer than its client may take nothing."""


@dataclass(slots=True)
class _PeerReader:
    pieces: AsyncGenerator[bytes, None]
    asked_at: float
    is_reading: bool = False


class RunsHere:
    """The runs of this worker, for the others.

    Each reader keeps its place here, so that a slow one slows the run down and nothing is lost.

    :param clock: seconds.
    """

    def __init__(self, hub: RunHub, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._clock = clock
        self._readers: dict[str, _PeerReader] = {}

    async def answer(self, body: bytes) -> bytes:
        """Answer a wish; empty: the run is not here."""
        wish = Wish.model_validate_json(body)
        run = self._hub.find(wish.run_id)
        if run is None or wish.tenant_id not in (None, run.tenant_id):
            return b""
        match wish.op:
            case "find":
                return part_of(run).model_dump_json().encode()
            case "read":
                return await self._read(wish, run)
            case "leave":
                await self._leave(wish.reader)
                return b""
            case "cancel":
                return await _cancel(run)

    async def tick(self) -> None:
        """Let go of readers that are gone; to be called each second or so."""
        idle = self._clock() - IDLE_SECONDS
        for name, reader in list(self._readers.items()):
            if not reader.is_reading and reader.asked_at < idle:
                await self._leave(name)

    async def _read(self, wish: Wish, run: LiveRun) -> bytes:
        reader = self._readers.get(wish.reader)
        if reader is None:
            reader = _PeerReader(pieces(run, wish.after, wish.seconds), self._clock())
            self._readers[wish.reader] = reader
        reader.is_reading = True
        try:
            piece = await anext(reader.pieces, None)
        finally:
            reader.is_reading, reader.asked_at = False, self._clock()
        if piece is None or wish.reader not in self._readers:
            await self._leave(wish.reader)
            await reader.pieces.aclose()
            return OVER
        return MORE + piece

    async def _leave(self, name: str) -> None:
        reader = self._readers.pop(name, None)
        if reader is not None and not reader.is_reading:  # else it ends when its answer is given
            await reader.pieces.aclose()


async def pieces(run: LiveRun, after: int, seconds: float) -> AsyncGenerator[bytes, None]:
    """Read the events after one; after a time without any, an empty piece is given."""
    async with run.follow(after) as follower:
        while True:
            try:
                async with asyncio.timeout(seconds):
                    piece = await follower.frames()
            except TimeoutError:
                yield b""
                continue
            if not piece:
                return
            yield piece


def part_of(run: LiveRun) -> RunSegment:
    """Describe the segment of a run that is here."""
    log = run.log
    ended: State = "paused" if run.is_paused else "ended"
    state = ended if run.ended.is_set() else "live"
    return RunSegment(first_seq=log.first_seq, last_seq=log.last_seq, state=state)


async def _cancel(run: LiveRun) -> bytes:
    if run.ended.is_set():
        return NO
    run.cancel()
    await run.ended.wait()
    outcome = run.log.outcome
    return YES if isinstance(outcome, RunFailedEvent) and outcome.error_type in CANCELLED else NO
