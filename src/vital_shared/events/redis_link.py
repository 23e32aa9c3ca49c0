"""The connection to the Redis through which the processes of an engine share the logs of their runs."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, RedisError

from vital_shared.errors import ConfigurationError
from vital_shared.events.bounded_replies import ReplyTooLarge, parser_for
from vital_shared.events.log import LogUnavailable, LogUnreadable
from vital_shared.events.odd_value import note_odd_value
from vital_shared.logs import get_logger

__all__ = ["LIVE_MILLISECONDS", "SIGN_MILLISECONDS", "EventKeys", "RedisLink"]

logger = get_logger(__name__)

PREFIX: Final = "vital/1"
"""The prefix of all keys. The number is the format's: another version beside this one has keys of its own."""

CONNECTIONS: Final = 200
"""Runs of other processes that are followed at a time, and a few for the rest; a further follower waits."""

OPERATION_TIMEOUT_SECONDS: Final = 1.0
"""An operation that takes longer has failed."""

LEAVE_SECONDS: Final = 1.0
"""The time after which the connections to a server that has become a replica may be given up once more."""

SIGN_MILLISECONDS: Final = 5_000
"""The time after which a process that gives no sign is taken for dead, and a lease for free."""

LIVE_MILLISECONDS: Final = 3_600_000
"""The time for which the log of a run is kept that is under way: its worker may die."""

T = TypeVar("T")


class EventKeys:
    """The names of what is kept in Redis."""

    @staticmethod
    def stream(run_id: str) -> str:
        """Name the stream of a run's events."""
        return f"{PREFIX}/events/{run_id}"

    @staticmethod
    def run(run_id: str) -> str:
        """Name the hash with the writer and the state of a run."""
        return f"{PREFIX}/run/{run_id}"

    @staticmethod
    def reader(run_id: str) -> str:
        """Name the mark of a reader in another process; it ends by itself."""
        return f"{PREFIX}/reader/{run_id}"

    @staticmethod
    def worker(worker: str) -> str:
        """Name the sign of life of a worker; it ends by itself."""
        return f"{PREFIX}/worker/{worker}"

    @staticmethod
    def data() -> str:
        """Name the time, in seconds since 1970, from which this Redis has kept all that was written."""
        return f"{PREFIX}/data"

    @staticmethod
    def workers() -> str:
        """Name the hash with the machine and the process of each worker."""
        return f"{PREFIX}/workers"

    @staticmethod
    def inbox(worker: str) -> str:
        """Name the list of the runs that a worker is to cancel."""
        return f"{PREFIX}/inbox/{worker}"

    @staticmethod
    def lease(key: str) -> str:
        """Name the lease of identical requests; its value is the run that they follow."""
        return f"{PREFIX}/lease/{key}"


class RedisLink:
    """Connections of one process.

    :param url: ``redis://…``, ``rediss://…`` or ``unix://…``.
    :raises ConfigurationError: when the address is none.
    """

    def __init__(self, url: str) -> None:
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=CONNECTIONS,
                timeout=OPERATION_TIMEOUT_SECONDS,
                socket_timeout=2 * OPERATION_TIMEOUT_SECONDS,
                socket_connect_timeout=OPERATION_TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 0),
                parser_class=parser_for(url),
            )
        except ValueError as error:
            raise ConfigurationError(f"VITAL_REDIS_URL is not the address of a Redis: {error}.") from error
        self.redis = Redis.from_pool(pool)
        self._left_at = -math.inf

    async def within(self, work: Awaitable[T], seconds: float = OPERATION_TIMEOUT_SECONDS) -> T:
        """Wait for an operation.

        :raises LogUnavailable: when Redis does not answer in time.
        :raises LogUnreadable: when its answer is larger than anything that we have written.
        """
        try:
            async with asyncio.timeout(seconds):
                return await work
        except ReadOnlyError as error:
            await self._leave_replica()
            raise LogUnavailable("Redis takes no writes: it is a replica.") from error
        except ReplyTooLarge as error:
            note_odd_value("event_log", str(error))
            raise LogUnreadable("Redis holds a value that is too large to be one of ours.") from error
        except (RedisError, OSError, TimeoutError) as error:
            raise LogUnavailable(f"Redis does not answer: {type(error).__name__}.") from error

    async def _leave_replica(self) -> None:
        """Give up all connections: after a failover the old primary may go on as a replica behind them.

        The address leads to the new one by then, or will soon.
        """
        now = time.monotonic()
        if now - self._left_at < LEAVE_SECONDS:  # else the new ones would be closed, too
            return
        self._left_at = now
        logger.warning("redis_replica_left")
        with suppress(RedisError, OSError, TimeoutError):  # they are of no more use, closed in order or not
            await self.redis.connection_pool.disconnect()

    async def aclose(self) -> None:
        """Close the connections."""
        await self.redis.aclose()
        await self.redis.connection_pool.aclose()
