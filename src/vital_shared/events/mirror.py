"""The writer of this process's logs into Redis: in batches, a little late, and harmless where Redis fails."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final, cast

from vital_shared.events.log import LogUnavailable
from vital_shared.events.odd_value import is_odd_value, note_odd_value
from vital_shared.events.redis import END, FRAMES
from vital_shared.events.redis_link import LIVE_MILLISECONDS, SIGN_MILLISECONDS, EventKeys, RedisLink
from vital_shared.events.written_log import WrittenLog
from vital_shared.logs import get_logger

__all__ = ["Mirror"]

logger = get_logger(__name__)

DELAY_SECONDS: Final = 0.01
"""The time in which events are gathered; with the way to Redis they are at most some 20 ms late."""

MIN_REST_SECONDS: Final = 0.001
RESTS_PER_WRITE: Final = 3.0
"""The rest after a write, over its duration, before events of durable runs are written: their readers wait,
so an event is written at once where there are few, and together with others where there are many."""

MIN_PAUSE_SECONDS: Final = 0.25
MAX_PAUSE_SECONDS: Final = 2.0
"""The longest pause after a failure of Redis; pauses double up to it."""

HELD_SECONDS: Final = 3.0
"""The longest time for which readers of durable runs wait for a Redis that is slow, or has just gone."""

ENDED_MILLISECONDS: Final = 300_000
"""The time for which a log is kept after its end, or its pause."""

MAX_ENTRIES: Final = 50_000
"""Batches that are kept of a run."""

WRITTEN: Final = 1
STALE: Final = -1

APPEND: Final = """
local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or ARGV[1])
if epoch > tonumber(ARGV[1]) then return {-1, 0} end
if epoch < tonumber(ARGV[1]) then
  local beyond = redis.call('XRANGE', KEYS[1], (tonumber(ARGV[2]) + 1) .. '-0', '+')
  for _, entry in ipairs(beyond) do redis.call('XDEL', KEYS[1], entry[1]) end
  local left = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
  if beyond[1] then redis.call('XSETID', KEYS[1], left[1] and left[1][1] or '0-0') end
end
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

The first batch of an epoch cuts off what an earlier one has written beyond its beginning. Answers {1, last
number}, or {0, last number} where events before are missing, or {-1, 0} to a stale writer.
"""


def _is_known(reply: object) -> bool:
    """Return whether a log was written, or has an odd value in its place; others are faults of Redis."""
    return not isinstance(reply, Exception) or is_odd_value(reply)


class Mirror:
    """The new events of all logs of this process, on their way from memory into Redis.

    Where Redis fails, the logs stay as they are, and are written when it answers again; where Redis has lost
    what was written, it is written again.

    :param worker: the id of this process.
    """

    def __init__(self, link: RedisLink, worker: str) -> None:
        self._link = link
        self._worker = worker
        self._noted: dict[str, WrittenLog] = {}
        self._news = asyncio.Event()
        self._durable_news = asyncio.Event()
        self._pause = 0.0
        self._failing_since: float | None = None
        """The time of the first of the writes that have failed in a row, by `time.monotonic`."""
        self._rested_at = 0.0
        """The time from which events of durable runs are written without waiting for more."""

    @property
    def is_away(self) -> bool:
        """Whether Redis has not answered for longer than readers wait for it."""
        return self._failing_since is not None and time.monotonic() - self._failing_since >= HELD_SECONDS

    def note(self, log: WrittenLog) -> None:
        """Note that a log has something new."""
        log.is_noted = True
        self._noted[log.run_id] = log
        self._news.set()
        if log.is_durable:
            self._durable_news.set()

    async def work(self) -> None:
        """Write what is noted, until this is cancelled."""
        while True:
            await self._news.wait()
            await self._gather()
            await self.flush()

    async def _gather(self) -> None:
        """Wait for more events that are written together; readers of durable runs wait for theirs."""
        if self._pause:
            await asyncio.sleep(self._pause)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(DELAY_SECONDS):
                await self._durable_news.wait()
                await asyncio.sleep(max(0.0, self._rested_at - time.monotonic()))

    async def flush(self) -> None:
        """Write what is noted now; what fails stays noted."""
        logs = [log for log in self._noted.values() if not log.is_superseded]
        self._noted.clear()
        self._news.clear()
        self._durable_news.clear()
        for log in logs:
            log.is_noted = False
        started = time.monotonic()
        try:
            await self._link.within(self._write(logs))
        except LogUnavailable as error:
            self._failed(error, started)
            for log in logs:
                if self.is_away:
                    log.release_unwritten()
                if not log.is_noted:
                    self.note(log)
            return
        ended = time.monotonic()
        self._rested_at = ended + max(MIN_REST_SECONDS, RESTS_PER_WRITE * (ended - started))
        if self._pause:
            logger.info("event_logs_mirrored_again")
        self._pause, self._failing_since = 0.0, None

    async def _write(self, logs: list[WrittenLog]) -> None:
        async with self._link.redis.pipeline(transaction=False) as pipeline:
            for log in logs:  # whole: for one it knows by its hash, the client asks Redis first each time
                keys = self._keys(log)
                pipeline.eval(APPEND, len(keys), *keys, *self._batch(log))
            replies = await pipeline.execute(raise_on_error=False)
        failure = next((each for each in replies if isinstance(each, Exception)), None)
        if failure is not None and not all(map(_is_known, replies)):
            raise failure
        for log, reply in zip(logs, replies, strict=True):
            if isinstance(reply, Exception):
                await self._write_anew(log, str(reply))
                continue
            outcome, top = cast("tuple[int, int]", reply)
            if outcome == WRITTEN and not 0 <= top <= log.last_seq:
                await self._write_anew(log, "there are events that nobody has written")
            else:
                self._note_reply(log, outcome, top)

    async def _write_anew(self, log: WrittenLog, reason: str) -> None:
        """Remove what is in the place of a log and is none, so that the log is written again."""
        note_odd_value("event_log", reason, run_id=log.run_id)
        await self._link.redis.unlink(EventKeys.stream(log.run_id), EventKeys.run(log.run_id))
        self.note(log)

    def _keys(self, log: WrittenLog) -> list[str]:
        return [EventKeys.stream(log.run_id), EventKeys.run(log.run_id), EventKeys.worker(self._worker)]

    def _batch(self, log: WrittenLog) -> list[str | int | bytes]:
        frames, last = log.piece(log.written_seq, log.last_seq)
        is_whole = last >= log.last_seq
        state = log.state if is_whole else "live"
        has_gap = log.first_seq > log.written_seq + 1
        kept = LIVE_MILLISECONDS if state in ("live", "lost") else ENDED_MILLISECONDS
        numbers = (log.epoch, log.written_seq, last, int(has_gap))
        names = (MAX_ENTRIES, FRAMES, END, log.tenant_id, log.first_seq, SIGN_MILLISECONDS)
        return [*numbers, frames, state, self._worker, kept, *names]

    def _note_reply(self, log: WrittenLog, outcome: int, top: int) -> None:
        if outcome == STALE:
            logger.warning("event_log_superseded", run_id=log.run_id)
            log.supersede()
            return
        log.written(top)
        if (outcome != WRITTEN or top < log.last_seq) and not log.is_noted:
            self.note(log)

    def _failed(self, error: Exception, started: float) -> None:
        if self._failing_since is None:
            self._failing_since = started
            logger.warning("event_logs_not_mirrored", reason=str(error))
        self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS) or MIN_PAUSE_SECONDS
