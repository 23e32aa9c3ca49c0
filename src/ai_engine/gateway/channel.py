"""An answer on its way from a run to its client."""

from __future__ import annotations

import asyncio
from typing import Final

__all__ = ["AnswerChannel"]

MAX_WAITING_BYTES: Final = 256 * 1024
"""Bytes that wait for a slow client; beyond it the provider is read no further."""


class AnswerChannel:
    """The frames of an answer, in their order; the end shows that nothing more comes."""

    def __init__(self) -> None:
        self.is_closed = False
        self.has_begun = False
        """Whether a frame has come."""
        self.error: Exception | None = None
        """The reason why no answer came, or no whole one."""
        self._frames: list[bytes] = []
        self._size = 0
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()

    def put(self, frame: bytes) -> None:
        """Add a frame."""
        if frame:
            self.has_begun = True
            self._frames.append(frame)
            self._size += len(frame)
            self._filled.set()

    def close(self) -> None:
        """Add nothing more."""
        self.is_closed = True
        self._filled.set()

    async def room(self) -> None:
        """Wait until the client has taken enough of what waits for it."""
        while self._size > MAX_WAITING_BYTES and not self.is_closed:
            self._taken.clear()
            await self._taken.wait()

    async def begun(self) -> None:
        """Wait for the first frame, or the end."""
        await self._filled.wait()

    async def frames(self) -> bytes:
        """Return all that is new; empty at the end."""
        await self._filled.wait()
        frames, self._frames, self._size = self._frames, [], 0
        self._taken.set()
        if not self.is_closed:
            self._filled.clear()
        return b"".join(frames)
