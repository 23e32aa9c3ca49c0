"""Call public services politely: at a limited rate, the same request once, and with our contact address."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from vital_shared.tools.base import ToolError
from vital_shared.version import __version__

if TYPE_CHECKING:
    from vital_shared.tools.public_connection import PublicConnection

__all__ = ["PublicApi"]

RESPONSE_LIFETIME_SECONDS: Final = 3_600.0
MAX_CACHED_RESPONSES: Final = 500
"""Cached responses; only public data is among them, never the user who asked for it."""

MAX_ATTEMPTS: Final = 3
MAX_WAIT_SECONDS: Final = 5.0
"""Seconds between two attempts; a request that has to wait longer gives up."""

MAX_CONNECTIONS: Final = 8
"""Concurrent connections to one service."""


class PublicApi:
    """One service.

    :param name: its name for users.
    :param base_url: the address that its paths are added to.
    :param per_second: requests per second at most.
    :param contact: an address at which its operators reach ours; empty: none.
    :param secrets: parameters that are sent with each request, and shown and kept nowhere.
    :param headers: the same, as headers.
    :param clock: seconds, monotonic.
    :param sleep: waits that number of seconds.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        per_second: float,
        contact: str = "",
        secrets: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._base_url = base_url.rstrip("/")
        self.connections = MAX_CONNECTIONS
        self.in_use = 0
        """Requests that are under way."""
        self._gap = 1 / per_second
        self._secrets = dict(secrets or {})
        agent = f"VITAL/{__version__}" + (f" ({contact})" if contact else "")
        self._headers = {"User-Agent": agent, **(headers or {})}
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._kept: OrderedDict[str, tuple[float, bytes | None]] = OrderedDict()
        self._flying: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._connection: PublicConnection | None = None

    async def aclose(self) -> None:
        """Close the connections; the service may be asked again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()

    async def get(self, path: str, **params: str | int) -> bytes | None:
        """Return what is there; None: nothing is (404).

        Of many who ask the same at once, one really asks. The caller bounds the time.

        :raises ToolError: when the service does not answer, refuses, or sends too much.
        """
        key = f"{path} {sorted(params.items())}"
        lock = self._flying.setdefault(key, asyncio.Lock())
        async with lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] > self._clock():
                self._kept.move_to_end(key)
                return kept[1]
            answer = await self._asked(path, params)
            self._kept[key] = (self._clock() + RESPONSE_LIFETIME_SECONDS, answer)
            if len(self._kept) > MAX_CACHED_RESPONSES:
                self._kept.popitem(last=False)
            return answer

    async def _asked(self, path: str, params: Mapping[str, str | int]) -> bytes | None:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            await self._turn()
            self.in_use += 1
            try:
                status, wait, body = await self._once(path, params)
            finally:
                self.in_use -= 1
            if status == 200:
                return body
            if status == 404:
                return None
            if not (status == 429 or status >= 500) or attempt == MAX_ATTEMPTS or wait > MAX_WAIT_SECONDS:
                break
            await self._sleep(wait)
        raise ToolError(f"{self.name} does not answer at the moment (status {status}).")

    async def _turn(self) -> None:
        """Wait until the next request may go out."""
        now = self._clock()
        mine = max(now, self._next)
        self._next = mine + self._gap
        if mine > now:
            await self._sleep(mine - now)

    async def _once(self, path: str, params: Mapping[str, str | int]) -> tuple[int, float, bytes]:
        """Return the status, the seconds to wait before the next attempt, and the body."""
        status, retry_after, body = await self._opened().get(path, {**params, **self._secrets})
        return status, _seconds(retry_after), body

    def _opened(self) -> PublicConnection:
        from vital_shared.tools.public_connection import PublicConnection  # noqa: PLC0415 - see there

        if self._connection is None:
            self._connection = PublicConnection(
                self.name, self._base_url, headers=self._headers, limit=self.connections
            )
        return self._connection


def _seconds(retry_after: str | None) -> float:
    try:
        return max(0.0, float(retry_after or 1.0))
    except ValueError:  # a date: about as long as is worth waiting
        return MAX_WAIT_SECONDS
