"""The logs of the runs of all processes of an engine, which share a Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final, cast, get_args

from vital_shared.events.log import LogLost, LogUnavailable, PeerLog, RunState
from vital_shared.events.logs import EventLogs
from vital_shared.events.memory import MemoryLog
from vital_shared.events.mirror import Mirror
from vital_shared.events.odd_value import note_odd_value
from vital_shared.events.presence import Presence
from vital_shared.events.redis import RemoteLog
from vital_shared.events.redis_claim import RedisClaim
from vital_shared.events.redis_link import EventKeys, RedisLink
from vital_shared.events.written_log import WrittenLog
from vital_shared.logs import get_logger
from vital_shared.models.cancellation import CANCELLED
from vital_shared.models.event import RunFailedEvent, RunPaused
from vital_shared.restarting_task import keep_running

__all__ = ["SharedEventLogs"]

logger = get_logger(__name__)

CANCEL_SECONDS: Final = 30.0
"""The longest wait for another process to cancel a run."""

CANCEL_AGAIN_SECONDS: Final = 0.2

FIND_AGAIN_SECONDS: Final = 0.02

SAFE_POLICY: Final = "noeviction"


class SharedEventLogs(EventLogs):
    """Logs in memory that are mirrored into Redis, and those of other processes.

    :param url: the address of the Redis.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._link = RedisLink(url)
        self.presence = Presence(self._link, self._fill_again, self._cancel)
        self._mirror = Mirror(self._link, self.presence.worker)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to write, and to give signs of life."""
        await self._warn_of_eviction()
        works = (
            ("event_mirror", self._mirror.work),
            ("presence", self.presence.give_signs),
            ("inbox", self.presence.read_inbox),
        )
        self._tasks = [asyncio.create_task(keep_running(*work)) for work in works]

    async def aclose(self) -> None:
        """Write what is left, and close."""
        left = set(self._tasks)
        while left:  # the client may take a cancellation for a timeout of its own
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)
        await self._mirror.flush()
        await self.presence.leave()
        await self._link.aclose()

    def _make(self, run_id: str, tenant_id: str, epoch: int, *, is_durable: bool) -> MemoryLog:
        return WrittenLog(
            run_id,
            tenant_id=tenant_id,
            writer=self._mirror,
            is_durable=is_durable,
            epoch=epoch,
        )

    def reopen(self, log: MemoryLog, pause: RunPaused, epoch: int, left: bytes = b"") -> None:
        """Let the log of a run go on after a pause; what came before that is in Redis."""
        was_behind = log.last_seq < pause.seq
        super().reopen(log, pause, epoch, left)
        if was_behind and isinstance(log, WrittenLog):
            log.written(pause.seq)  # as it should be; Redis says where it has less

    async def _take(self, run_id: str, tenant_id: str, epoch: int, doubtful_seconds: float) -> bytes | None:
        claim = RedisClaim(self._link, self.presence)
        return await claim.take(run_id, tenant_id, epoch, doubtful_seconds)

    def _cancel(self, run_id: str) -> None:
        if self.on_cancel is not None:
            self.on_cancel(run_id)

    def _fill_again(self) -> None:
        """Compare all logs with Redis, which has lost something."""
        for log in list(self._logs.values()):
            if isinstance(log, WrittenLog) and log.last_seq and not log.is_noted and not log.is_superseded:
                self._mirror.note(log)

    async def forget(self, run_ids: Collection[str]) -> None:
        """Remove the events of runs that have ended, here and in Redis.

        :raises LogUnavailable: when Redis does not answer.
        """
        await super().forget(run_ids)
        await self._mirror.flush()  # so that nothing of them is written later
        for run_id in run_ids:
            names = (EventKeys.stream(run_id), EventKeys.run(run_id), EventKeys.reader(run_id))
            await self._link.within(self._link.redis.unlink(*names))

    async def find_peer_log(self, run_id: str, wait_seconds: float = 0.0) -> RemoteLog | None:
        """Return the log of a run as Redis has it; None: it has none, or does not answer.

        :param wait_seconds: the longest wait for a log that has just been begun, which Redis gets later.
        """
        loop = asyncio.get_running_loop()
        due = loop.time() + wait_seconds
        found = await self._find(run_id)
        while found is None and loop.time() < due:
            await asyncio.sleep(FIND_AGAIN_SECONDS)
            found = await self._find(run_id)
        return found

    async def _find(self, run_id: str) -> RemoteLog | None:
        redis = self._link.redis
        try:
            found = await self._link.within(cast("Any", redis.hgetall(EventKeys.run(run_id))))
            if not found:
                return None
            log = self._read(run_id, found)
            is_alive = await self._link.within(redis.exists(EventKeys.worker(log.worker)))
        except LogUnavailable:
            return None
        except (KeyError, ValueError) as error:
            note_odd_value("event_log", type(error).__name__, run_id=run_id)
            return None
        return replace(log, state="lost") if log.state == "live" and not is_alive else log

    def _read(self, run_id: str, found: Mapping[bytes, bytes]) -> RemoteLog:
        """Read the place of a log.

        :raises ValueError: when it is none that we have written; likewise `KeyError`.
        """
        values = {name.decode(): value.decode() for name, value in found.items()}
        if values["state"] not in get_args(RunState):
            raise ValueError("its state is none")
        return RemoteLog(
            self._link,
            run_id,
            tenant_id=values["tenant"],
            worker=values["worker"],
            state=cast("RunState", values["state"]),
            first_seq=int(values["first"]),
            last_seq=int(values["last"]),
        )

    def elsewhere(self, run_id: str) -> RemoteLog:
        """Return the log of a run that another process has just begun."""
        return RemoteLog(self._link, run_id)

    async def are_reachable(self) -> bool:
        """Return whether Redis answers."""
        try:
            await self._link.within(cast("Any", self._link.redis.ping()))
        except LogUnavailable:
            return False
        return True

    async def has_reader_at_peer(self, run_id: str) -> bool:
        """Return whether another process has a reader of a run of this one."""
        try:
            return bool(await self._link.within(self._link.redis.exists(EventKeys.reader(run_id))))
        except LogUnavailable:
            return False

    async def cancel_at_peer(self, log: PeerLog) -> bool:
        """Have a run cancelled by the process that has it, and return whether it was."""
        try:
            await self.presence.ask_to_cancel(log.worker, log.run_id)
            async with asyncio.timeout(CANCEL_SECONDS):
                with log.follow(log.last_seq, counts=False) as follower:
                    async for _ in follower:
                        pass
        except (LogLost, LogUnavailable, TimeoutError):
            return False
        end = follower.outcome
        return isinstance(end, RunFailedEvent) and end.error_type in CANCELLED

    async def forget_dead_peers(self) -> None:
        """Let the readers of runs whose process on this machine has died know it now."""
        await self.presence.forget_dead_peers()

    async def lead(self, key: str, run_id: str, former: str = "") -> RemoteLog | None:
        """Let a run lead identical requests in all processes, or return the log of the run that does.

        :param former: a run that has led until it ended or was lost, or empty.
        """
        try:
            leader = await self.presence.lead(key, run_id, former)
        except LogUnavailable:
            return None  # each process runs by itself then
        return None if leader == run_id else self.elsewhere(leader)

    async def end_lead(self, key: str, run_id: str) -> None:
        """Let another run lead the next requests."""
        await self.presence.end_lead(key, run_id)

    async def _warn_of_eviction(self) -> None:
        """Log a warning where the server may drop logs to make room."""
        try:
            memory = await self._link.within(self._link.redis.info("memory"))
        except LogUnavailable as error:
            logger.warning("redis_unavailable", reason=str(error))
            return
        policy = str(cast("dict[str, object]", memory).get("maxmemory_policy", SAFE_POLICY))
        if policy != SAFE_POLICY:
            logger.warning(
                "redis_evicts_event_logs",
                policy=policy,
                advice="Set maxmemory-policy to noeviction: this Redis may drop the logs of runs under way.",
            )
