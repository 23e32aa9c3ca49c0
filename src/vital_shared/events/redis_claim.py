"""The takeover of a run's log in Redis by the run's new owner."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final, cast

from vital_shared.events.log import LogUnavailable, StaleWriter
from vital_shared.events.presence import Presence
from vital_shared.events.redis import FRAMES
from vital_shared.events.redis_link import LIVE_MILLISECONDS, SIGN_MILLISECONDS, EventKeys, RedisLink
from vital_shared.logs import get_logger

__all__ = ["RedisClaim"]

logger = get_logger(__name__)

CLAIM_SECONDS: Final = 5.0
"""The longest wait for a Redis that does not answer, before its events are given up."""

RETRY_SECONDS: Final = 0.2

MAX_ENTRIES_PER_READ: Final = 500

CLAIM: Final = """
local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return -1 end
redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'state', 'live', 'worker', ARGV[2], 'tenant', ARGV[3])
redis.call('HSETNX', KEYS[2], 'first', 1)
redis.call('HSETNX', KEYS[2], 'last', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('SET', KEYS[3], '1', 'PX', ARGV[5])
return 1
"""
"""Let a log be of a new epoch and worker, so that earlier ones are refused. Answers -1 to a stale one."""

STALE: Final = -1


class RedisClaim:
    """A way to make the logs of dead workers those of this one.

    :param presence: the signs of life of this process.
    """

    def __init__(self, link: RedisLink, presence: Presence) -> None:
        self._link = link
        self._presence = presence

    async def take(self, run_id: str, tenant_id: str, epoch: int, doubtful_seconds: float) -> bytes | None:
        """Claim the log of a run, and return its events as they are encoded; None: some may be lost.

        :param doubtful_seconds: the time within which a failure of Redis may have lost events.
        :raises StaleWriter: when the run has a later epoch.
        """
        due = time.monotonic() + CLAIM_SECONDS
        while True:
            try:
                await self._claim(run_id, tenant_id, epoch)
                frames = b"".join([piece async for piece in self._frames(run_id)])
                is_whole = await self._presence.was_unbroken(doubtful_seconds)
            except LogUnavailable:
                if time.monotonic() < due:
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                is_whole = False
            if not is_whole:
                logger.warning("event_log_lost", run_id=run_id)
            return frames if is_whole else None

    async def _claim(self, run_id: str, tenant_id: str, epoch: int) -> None:
        worker = self._presence.worker
        keys = [EventKeys.stream(run_id), EventKeys.run(run_id), EventKeys.worker(worker)]
        arguments = [epoch, worker, tenant_id, LIVE_MILLISECONDS, SIGN_MILLISECONDS]
        claiming = self._link.redis.eval(CLAIM, len(keys), *keys, *map(str, arguments))
        if await self._link.within(cast("Any", claiming)) == STALE:
            raise StaleWriter("Another worker has taken this run over.")

    async def _frames(self, run_id: str) -> AsyncIterator[bytes]:
        name, start = EventKeys.stream(run_id), "-"
        while True:
            reading = self._link.redis.xrange(name, start, "+", count=MAX_ENTRIES_PER_READ)
            entries: Any = await self._link.within(cast("Any", reading))
            if not entries:
                return
            for _, fields in entries:
                yield fields.get(FRAMES, b"")
            start = "(" + entries[-1][0].decode()
