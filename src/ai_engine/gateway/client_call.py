"""A call as one of its clients sees it: there may be others, while its answer is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from starlette.requests import Request

from ai_engine.api.streams import until_disconnected
from ai_engine.gateway.answer_cache import AnswerCache, SharedCall
from ai_engine.gateway.channel import AnswerChannel
from ai_engine.runs.hub import LiveRun

__all__ = ["ClientCall"]


class ClientCall:
    """A call that a client follows.

    :param run: the call's run.
    :param channel: the client's own way of the answer.
    :param answers: the cache, and the calls under way.
    :param shared: the call with its other clients; None: it is this client's alone.
    """

    def __init__(
        self,
        run: LiveRun,
        channel: AnswerChannel,
        answers: AnswerCache,
        shared: SharedCall | None = None,
    ) -> None:
        self.run = run
        self.channel = channel
        self._answers = answers
        self._shared = shared
        self._has_left = False

    def leave(self) -> None:
        """Follow it no longer: a call that nobody follows ends, and with it the provider's."""
        if self._has_left:
            return
        self._has_left = True
        if self._shared is not None:
            self._answers.leave(self._shared)
        elif not self.channel.is_closed:
            self.run.cancel("client_gone")

    async def finish(self) -> None:
        """Let the answer be cached, where the client has asked for that."""
        if self._shared is not None:
            await self.run.concluded()
            self._answers.keep(self._shared)

    async def with_client(self, http_request: Request, waiting: Awaitable[object]) -> None:
        """Wait as long as the client is there; without it the call is left."""

        async def leave_with_client() -> None:
            await until_disconnected(http_request.receive)
            self.leave()

        try:
            async with asyncio.TaskGroup() as tasks:
                leaving = tasks.create_task(leave_with_client())
                await waiting
                leaving.cancel()
        except BaseException:
            self.leave()
            raise

    async def begun(self) -> None:
        """Wait for the first frame, or the end of a run without one: its node may never have begun."""
        async with asyncio.TaskGroup() as tasks:
            closing = tasks.create_task(self.concluded())
            await self.channel.begun()
            closing.cancel()

    async def concluded(self) -> None:
        """Wait for the run's end; nothing comes after it."""
        await self.run.concluded()
        self.channel.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AnswerChannel]:
        """Read the answer to its end, or as long as the client is there."""
        try:
            with self.run.reading():
                yield self.channel
                await self.finish()
        finally:
            self.leave()
