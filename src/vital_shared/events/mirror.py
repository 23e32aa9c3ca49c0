"""The writer of this process's logs into Redis: in batches, a little late, and harmless where Redis fails."""

from __future__ import annotations

import asyncio
from typing import Final, cast

from vital_shared.events.log import LogUnavailable
from vital_shared.events.redis import END, FRAMES, RedisLog
from vital_shared.events.redis_link import SIGN_MILLISECONDS, EventKeys, RedisLink
from vital_shared.logs import get_logger

__all__ = ["Mirror"]

logger = get_logger(__name__)

DELAY_SECONDS: Final = 0.01
"""The time in which events are gathered; with the way to Redis they are at most some 20 ms late."""

MIN_PAUSE_SECONDS: Final = 0.25
MAX_PAUSE_SECONDS: Final = 2.0
"""The longest pause after a failure of Redis; pauses double up to it."""

LIVE_MILLISECONDS: Final = 3_600_000
"""The time for which the log of a run is kept that is under way: its worker may die."""
ENDED_MILLISECONDS: Final = 300_000
"""The time for which a log is kept after its end, or its pause."""

MAX_ENTRIES: Final = 50_000
"""Batches that are kept of a run."""

WRITTEN: Final = 1
STALE: Final = -1

APPEND: Final = """
local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return {-1, 0} end
local found = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local top, part = 0, 0
if found[1] then
  local top_text, part_text = string.match(found[1][1], '(%d+)-(%d+)')
  top, part = tonumber(top_text), tonumber(part_text)
end
local before, last = tonumber(ARGV[2]), tonumber(ARGV[3])
if top < before and ARGV[4] == '0' then return {0, top} end
if last > top then
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[9], last .. '-0', ARGV[10], ARGV[5])
  top, part = last, 0
end
if ARGV[6] ~= 'live' and part == 0 then redis.call('XADD', KEYS[1], top .. '-1', ARGV[11], '') end
redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'last', top, 'state', ARGV[6], 'worker', ARGV[7],
  'tenant', ARGV[12])
redis.call('HSETNX', KEYS[2], 'first', ARGV[13])
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call('PEXPIRE', KEYS[2], ARGV[8])
redis.call('SET', KEYS[3], '1', 'PX', ARGV[14])
return {1, top}
"""
"""Append a batch where the one before it is there, and no later epoch has begun.

Answers {1, last number}, or {0, last number} where events before are missing, or {-1, 0} to a stale writer.
"""


class Mirror:
    """The new events of all logs of this process, on their way from memory into Redis.

    Where Redis fails, the logs stay as they are, and are written when it answers again; where Redis has lost
    what was written, it is written again.

    :param worker: the id of this process.
    """

    def __init__(self, link: RedisLink, worker: str) -> None:
        self._link = link
        self._worker = worker
        self._noted: dict[str, RedisLog] = {}
        self._news = asyncio.Event()
        self._pause = 0.0

    def note(self, log: RedisLog) -> None:
        """Note that a log has something new."""
        log.is_noted = True
        self._noted[log.run_id] = log
        self._news.set()

    async def work(self) -> None:
        """Write what is noted, until this is cancelled."""
        while True:
            await self._news.wait()
            await asyncio.sleep(self._pause or DELAY_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what is noted now; what fails stays noted."""
        logs = list(self._noted.values())
        self._noted.clear()
        self._news.clear()
        for log in logs:
            log.is_noted = False
        try:
            await self._link.within(self._write(logs))
        except LogUnavailable as error:
            self._failed(error)
            for log in logs:
                if not log.is_noted:
                    self.note(log)
            return
        if self._pause:
            logger.info("event_logs_mirrored_again")
        self._pause = 0.0

    async def _write(self, logs: list[RedisLog]) -> None:
        async with self._link.redis.pipeline(transaction=False) as pipeline:
            for log in logs:  # whole: for one it knows by its hash, the client asks Redis first each time
                keys = self._keys(log)
                pipeline.eval(APPEND, len(keys), *keys, *self._batch(log))
            replies = await pipeline.execute()
        for log, reply in zip(logs, replies, strict=True):
            self._note_reply(log, *cast("tuple[int, int]", reply))

    def _keys(self, log: RedisLog) -> list[str]:
        return [EventKeys.stream(log.run_id), EventKeys.run(log.run_id), EventKeys.worker(self._worker)]

    def _batch(self, log: RedisLog) -> list[str | int | bytes]:
        frames, last = log.piece(log.mirrored_seq)
        is_whole = last >= log.last_seq
        state = log.state if is_whole else "live"
        has_gap = log.first_seq > log.mirrored_seq + 1
        kept = LIVE_MILLISECONDS if state == "live" else ENDED_MILLISECONDS
        numbers = (log.epoch, log.mirrored_seq, last, int(has_gap))
        names = (MAX_ENTRIES, FRAMES, END, log.tenant_id, log.first_seq, SIGN_MILLISECONDS)
        return [*numbers, frames, state, self._worker, kept, *names]

    def _note_reply(self, log: RedisLog, outcome: int, top: int) -> None:
        if outcome == STALE:
            logger.warning("event_log_superseded", run_id=log.run_id)
            return
        log.mirrored_seq = top
        if (outcome != WRITTEN or top < log.last_seq) and not log.is_noted:
            self.note(log)

    def _failed(self, error: Exception) -> None:
        if not self._pause:
            logger.warning("event_logs_not_mirrored", reason=str(error))
        self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS) or MIN_PAUSE_SECONDS
