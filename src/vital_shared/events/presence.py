"""The signs, leases and requests that processes exchange through Redis beside their logs."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

from vital_shared.events.log import LogUnavailable
from vital_shared.events.odd_value import is_odd_value, note_odd_value
from vital_shared.events.redis_link import SIGN_MILLISECONDS, EventKeys, RedisLink

__all__ = ["Presence"]
SIGN_SECONDS: Final = 1.0
"""The time between two signs of life."""

SIGN_AGAIN_SECONDS: Final = 0.2
"""The pause after a sign that has failed."""

OUTAGE_SECONDS: Final = 1.5
"""The time without an answer after which Redis was away; a shorter one was slow. It is shorter than the time
for which a writer holds its readers up, so each process notices what has let events out unwritten."""

INBOX_MILLISECONDS: Final = 30_000
INBOX_SECONDS: Final = 1

TAKE: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[3] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
"""
MARK_DATA: Final = """
local kept = redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1])
if not tonumber(kept) then redis.call('SET', KEYS[1], redis.call('TIME')[1]) end
"""
DATA_SECONDS: Final = """
local since = redis.call('GET', KEYS[1])
return since and redis.call('TIME')[1] - since or 0
"""
RENEW: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end"
RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class Presence:
    """The signs of life, the leases and the inbox of this process.

    :param on_loss: called when Redis has forgotten this process, and so perhaps its logs.
    :param on_cancel: called with the id of a run that another process wants to be cancelled.
    """

    def __init__(
        self, link: RedisLink, on_loss: Callable[[], None], on_cancel: Callable[[str], None]
    ) -> None:
        self.worker = uuid.uuid4().hex
        """The id of this process."""
        self._link = link
        self._on_loss = on_loss
        self._on_cancel = on_cancel
        self._host = socket.gethostname()
        self._leases: dict[str, str] = {}
        self._failing_since: float | None = None
        """The time of the first of the signs that have failed in a row, by `time.monotonic`."""
        self._away_at = -math.inf
        """The time at which Redis was last away, by `time.monotonic`."""
        self._take = link.redis.register_script(TAKE)
        self._renew = link.redis.register_script(RENEW)
        self._release = link.redis.register_script(RELEASE)

    async def sign(self) -> None:
        """Give a sign of life now, and renew the leases.

        :raises LogUnavailable: when Redis does not answer.
        """
        started = time.monotonic()
        try:
            is_known = await self._link.within(self._sign())
        except LogUnavailable:
            self._failing_since = started if self._failing_since is None else self._failing_since
            self._note_outage()
            raise
        self._note_outage()
        self._failing_since = None
        if not is_known:
            self._on_loss()

    def _note_outage(self) -> None:
        now = time.monotonic()
        if self._failing_since is not None and now - self._failing_since >= OUTAGE_SECONDS:
            self._away_at = now

    async def was_unbroken(self, seconds: float) -> bool:
        """Return whether Redis was not away, and has lost nothing, for a time.

        Slow answers are no loss. It has lost something when it was started again, or emptied.

        :raises LogUnavailable: when Redis does not answer now.
        """
        redis = self._link.redis
        found = await self._link.within(redis.info("server"))
        kept = await self._link.within(cast("Any", redis.eval(DATA_SECONDS, 1, EventKeys.data())))
        return bool(min(found["uptime_in_seconds"], kept, time.monotonic() - self._away_at) >= seconds)

    async def _sign(self) -> bool:
        """Return whether Redis still had the sign before."""
        async with self._link.redis.pipeline(transaction=False) as pipeline:
            pipeline.set(EventKeys.worker(self.worker), b"1", px=SIGN_MILLISECONDS, get=True)
            pipeline.eval(MARK_DATA, 1, EventKeys.data())
            pipeline.hset(EventKeys.workers(), self.worker, f"{self._host}:{os.getpid()}")
            for key, run_id in self._leases.items():
                await self._renew(
                    keys=[EventKeys.lease(key)], args=[run_id, SIGN_MILLISECONDS], client=pipeline
                )
            replies = await pipeline.execute(raise_on_error=False)
        before, *others = replies
        failures = [each for each in replies if isinstance(each, Exception)]
        failure = next((each for each in failures if each is before or not is_odd_value(each)), None)
        if failure is not None:
            raise failure
        for each in others:
            if isinstance(each, Exception):  # a lease of some request, or the list of processes: not the sign
                note_odd_value("presence", str(each))
        return bool(before)

    async def give_signs(self) -> None:
        """Give signs of life, until this is cancelled."""
        while True:
            try:
                await self.sign()
            except LogUnavailable:  # said where the logs are written
                await asyncio.sleep(SIGN_AGAIN_SECONDS)
            else:
                await asyncio.sleep(SIGN_SECONDS)

    async def read_inbox(self) -> None:
        """Cancel the runs that other processes want to be cancelled, until this is cancelled itself."""
        name = EventKeys.inbox(self.worker)
        while True:
            try:
                reading = cast("Any", self._link.redis.blpop([name], timeout=INBOX_SECONDS))
                found = await self._link.within(reading, 2 * INBOX_SECONDS)
            except LogUnavailable:  # said where the logs are written
                await asyncio.sleep(SIGN_SECONDS)
                continue
            if found:
                self._on_cancel(found[1].decode())

    async def ask_to_cancel(self, worker: str, run_id: str) -> None:
        """Ask another process to cancel a run.

        :raises LogUnavailable: when Redis does not answer.
        """
        name = EventKeys.inbox(worker)
        async with self._link.redis.pipeline(transaction=True) as pipeline:
            pipeline.rpush(name, run_id)
            pipeline.pexpire(name, INBOX_MILLISECONDS)
            await self._link.within(pipeline.execute())

    async def lead(self, key: str, run_id: str, former: str) -> str:
        """Let a run lead identical requests in all processes, or return the run that does.

        :param former: a run that has led until it ended or was lost, or empty: its lease may not be over.
        :raises LogUnavailable: when Redis does not answer.
        """
        taking = self._take(keys=[EventKeys.lease(key)], args=[run_id, SIGN_MILLISECONDS, former])
        holder = cast("bytes", await self._link.within(taking)).decode(errors="replace")
        if holder == run_id:
            self._leases[key] = run_id
        return holder

    async def end_lead(self, key: str, run_id: str) -> None:
        """Let another run lead the next requests."""
        if self._leases.get(key) == run_id:  # else another run of this process leads by now
            del self._leases[key]
            with suppress(LogUnavailable):  # then it ends by itself
                await self._link.within(self._release(keys=[EventKeys.lease(key)], args=[run_id]))

    async def forget_dead_peers(self) -> None:
        """Take back the signs of processes of this machine that have died, before these end by themselves."""
        redis = self._link.redis
        with suppress(LogUnavailable):
            known = await self._link.within(cast("Any", redis.hgetall(EventKeys.workers())))
            for worker, place in known.items():
                host, _, pid = place.decode(errors="replace").rpartition(":")
                if host == self._host and not _is_there(pid):
                    await self._link.within(redis.delete(EventKeys.worker(worker.decode(errors="replace"))))
                    await self._link.within(cast("Any", redis.hdel(EventKeys.workers(), worker)))

    async def leave(self) -> None:
        """Let the others know that this process has ended."""
        with suppress(LogUnavailable):
            await self._link.within(self._link.redis.delete(EventKeys.worker(self.worker)))
            await self._link.within(cast("Any", self._link.redis.hdel(EventKeys.workers(), self.worker)))


def _is_there(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):  # what is no number is no process of ours
        return False
    except PermissionError:
        return True
    return True
