"""The pace of answers to false keys, by address (GCRA): of this process, or of all that share a Redis."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from vital_shared.events.log import LogUnavailable
from vital_shared.logs import get_logger
from vital_shared.settings import Settings

if TYPE_CHECKING:
    from vital_shared.events.redis_link import RedisLink

__all__ = ["FalseKeyPace", "LocalPace", "SharedPace", "open_pace"]

logger = get_logger(__name__)

FREE_FALSE_KEYS: Final = 20
"""False keys of one address that are answered at once: of a client that has not received a new key."""

INTERVAL_SECONDS: Final = 1.0
"""Time between the answers to further ones."""

MAX_DELAY_SECONDS: Final = 10.0
"""The longest that an answer is held back; false keys beyond it are answered with 429."""

MAX_ADDRESSES: Final = 10_000

PREFIX: Final = "vital/1/false-key"

TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now))
local delay = at - now - ARGV[1]
if delay <= tonumber(ARGV[2]) then
    redis.call('SET', KEYS[1], at + ARGV[3], 'PX', at + ARGV[3] - now)
end
return delay
"""
"""Return the delay in milliseconds, and count the key unless it is refused; an address is soon forgotten."""


class FalseKeyPace(Protocol):
    """The pace by address."""

    async def take(self, address: str) -> float:
        """Count a false key of an address, and return the delay of its answer in seconds.

        At most 0: none. Above `MAX_DELAY_SECONDS` it was not counted.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class LocalPace:
    """The pace of this process.

    :param clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_at: dict[str, float] = {}
        """The time of the next answer if they came evenly; the address that was seen longest ago first."""

    async def take(self, address: str) -> float:
        """Count a false key; see `FalseKeyPace`."""
        now = self._clock()
        next_at = max(now, self._next_at.pop(address, now))
        delay = next_at - now - (FREE_FALSE_KEYS - 1) * INTERVAL_SECONDS
        self._next_at[address] = next_at if delay > MAX_DELAY_SECONDS else next_at + INTERVAL_SECONDS
        if len(self._next_at) > MAX_ADDRESSES:
            del self._next_at[next(iter(self._next_at))]
        return delay

    async def aclose(self) -> None:
        """There is nothing to close."""


class SharedPace:
    """The pace of all processes that share a Redis; of this one alone while it does not answer.

    :param link: the connections, closed by `aclose`.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._local = LocalPace()
        self._script = link.redis.register_script(TAKE)

    async def take(self, address: str) -> float:
        """Count a false key; see `FalseKeyPace`."""
        milliseconds = [
            round(1_000 * seconds)
            for seconds in (
                (FREE_FALSE_KEYS - 1) * INTERVAL_SECONDS,
                MAX_DELAY_SECONDS,
                INTERVAL_SECONDS,
            )
        ]
        try:
            taking = self._script(keys=[f"{PREFIX}/{address}"], args=milliseconds)
            return float(await self._link.within(taking)) / 1_000
        except LogUnavailable as error:
            logger.warning("false_keys_counted_alone", reason=str(error))
            return await self._local.take(address)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._link.aclose()


def open_pace(settings: Settings) -> FalseKeyPace:
    """Open the pace that all processes of the engine share, where they share a Redis."""
    url = settings.redis_url.get_secret_value()
    if not url:
        return LocalPace()
    from vital_shared.events.redis_link import RedisLink  # noqa: PLC0415 - redis is an extra

    return SharedPace(RedisLink(url))
