"""Single flight over processes: the holder of a question's lease runs, and publishes its events in Redis.

The lease is a key that ends by itself, unless it is renewed: when the process dies that holds it, another
takes it. The events of the run are a Redis stream, read from its beginning by each process that follows.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from redis.exceptions import RedisError

from vital_shared.cache.errors import CacheUnavailable
from vital_shared.models.event import OUTCOMES, Event, EventAdapter

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from vital_shared.events.flights import Flight

__all__ = ["Lease", "SharedFlights"]

LEASE_SECONDS: Final = 5.0
"""Seconds after the death of its process until a question is taken over."""
KEPT_SECONDS: Final = 60.0
"""Seconds that a run's events can be read after its end."""
BLOCK_SECONDS: Final = 0.1
"""Seconds that Redis waits for new events before it answers that there are none."""
CALL_TIMEOUT_SECONDS: Final = 1.0

TAKE: Final = """
local holder = redis.call('GET', KEYS[1])
if holder then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
"""
RENEW: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
"""
RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

LINE: Final = b"\n"
EVENTS: Final = b"events"
END: Final = b"end"


class Lease:
    """The right to run a question for all processes.

    :param holder: names the run.
    :param is_own: whether it is this process's.
    """

    def __init__(self, key: str, holder: str, *, is_own: bool) -> None:
        self.key = key
        self.holder = holder
        self.is_own = is_own


class SharedFlights:
    """The runs of all processes.

    :param redis: for leases.
    :param streams: for the events; it waits for new ones, so it has connections of its own.
    """

    def __init__(self, redis: Redis, streams: Redis, prefix: str) -> None:
        self._streams = streams
        self._prefix = prefix
        self._take = redis.register_script(TAKE)
        self._renew = streams.register_script(RENEW)
        self._release = streams.register_script(RELEASE)

    async def take(self, key: str) -> Lease:
        """Take the lease of a question, or learn who holds it.

        :raises RedisError: when Redis does not answer; so are OSError and TimeoutError.
        """
        own = uuid.uuid4().hex
        found = await self._take(keys=[self._lease(key)], args=[own, round(LEASE_SECONDS * 1_000)])
        holder = cast("bytes", found).decode()
        return Lease(key, holder, is_own=holder == own)

    async def publish(self, lease: Lease, flight: Flight) -> None:
        """Publish a run's events, until it is over, and hold its lease until then.

        Where Redis fails, it is given up: the lease ends, and the others run by themselves.
        """
        name = self._stream(lease.holder)
        keys = [self._lease(lease.key), name]
        renewing: list[str | int] = [lease.holder, round(LEASE_SECONDS * 1_000), round(KEPT_SECONDS * 1_000)]
        loop = asyncio.get_running_loop()
        due = loop.time() + LEASE_SECONDS / 3
        log = flight.log
        try:
            with log.follow() as follower:
                while True:
                    is_over = log.is_closed and follower.seen >= log.last_seq
                    told: list[Event] = []
                    while follower.seen < log.last_seq:
                        told.append(await anext(follower))
                    if told or is_over:
                        told = [event for event in told if event.type not in OUTCOMES]
                        await self._write(name, told, flight if is_over else None)
                    if is_over:
                        await self._release(keys=keys[:1], args=[lease.holder])
                        return
                    if loop.time() >= due:
                        await self._renew(keys=keys, args=renewing)
                        due = loop.time() + LEASE_SECONDS / 3
                    with suppress(TimeoutError):  # time to renew the lease
                        async with asyncio.timeout_at(due):
                            await log.wait(follower.seen)
        except (RedisError, OSError, TimeoutError):  # counted and said where answers are looked up
            return

    async def _write(self, name: str, told: list[Event], over: Flight | None) -> None:
        fields: dict[bytes, bytes] = {EVENTS: LINE.join(event.model_dump_json().encode() for event in told)}
        if over is not None:
            fields[END] = b"" if over.outcome is None else over.outcome.model_dump_json().encode()
        async with (
            asyncio.timeout(CALL_TIMEOUT_SECONDS),
            self._streams.pipeline(transaction=False) as pipeline,
        ):
            pipeline.xadd(name, cast("Any", fields))
            pipeline.pexpire(name, round(KEPT_SECONDS * 1_000))
            await pipeline.execute()

    async def follow(self, lease: Lease, is_cancelled: Callable[[], bool]) -> AsyncGenerator[Event, None]:
        """Read the events of a run in another process, its end too; without one, that process is gone.

        :raises CacheUnavailable: when Redis fails meanwhile.
        """
        name, last = self._stream(lease.holder), b"0"
        try:
            while not is_cancelled():
                async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
                    found: Any = await self._streams.xread({name: last}, block=round(BLOCK_SECONDS * 1_000))
                    held = bool(found) or await self._is_held(lease)
                if not held:
                    return
                for number, fields in _entries(found):
                    last = number
                    for line in fields[EVENTS].split(LINE):
                        if line:
                            yield EventAdapter.validate_json(line)
                    if END in fields:
                        if fields[END]:
                            yield EventAdapter.validate_json(fields[END])
                        return
        except (RedisError, OSError, TimeoutError, ValueError) as error:
            raise CacheUnavailable("Redis does not answer.") from error

    async def _is_held(self, lease: Lease) -> bool:
        holder = await self._streams.get(self._lease(lease.key))
        return holder is not None and cast("bytes", holder).decode() == lease.holder

    def _lease(self, key: str) -> str:
        return f"{self._prefix}/lease/{key}"

    def _stream(self, holder: str) -> str:
        return f"{self._prefix}/told/{holder}"


def _entries(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Take the entries of the one stream that was asked for, as RESP 2 or RESP 3 has them."""
    if not found:
        return []
    if isinstance(found, dict):
        ((entries,),) = found.values()
        return list(entries)
    ((_, entries),) = found
    return list(entries)
