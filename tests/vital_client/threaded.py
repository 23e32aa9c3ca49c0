"""The client without an event loop, used from one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

from vital_client import StreamEvent, VitalClient

__all__ = ["ThreadedClient"]


class ThreadedClient:
    """The face of `AsyncVitalClient` on top of a `VitalClient` whose calls run in threads."""

    def __init__(self, client: VitalClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            return await asyncio.to_thread(getattr(self._client, name), *given, **named)

        return call

    def stream(self, *given: Any, **named: Any) -> Any:
        """Follow a new run."""
        return _in_threads(self._client.stream(*given, **named))

    def follow(self, *given: Any, **named: Any) -> Any:
        """Follow a run."""
        return _in_threads(self._client.follow(*given, **named))


@asynccontextmanager
async def _in_threads(
    opened: AbstractContextManager[Generator[StreamEvent]],
) -> AsyncIterator[AsyncGenerator[StreamEvent]]:
    with opened as events:
        yield _each(events)


async def _each(events: Generator[StreamEvent]) -> AsyncGenerator[StreamEvent]:
    while (event := await asyncio.to_thread(next, events, None)) is not None:
        yield event
