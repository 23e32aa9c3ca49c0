"""The Redis tier: answers that all processes share, on all machines.

A look-up is one round trip. Where Redis is slow or gone, a request waits for it no longer than a moment and
is served as if nothing were cached; for a while Redis is then left alone, so that the next need not wait.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import from_json, to_json
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from vital_shared.cache.errors import CacheUnavailable
from vital_shared.errors import ConfigurationError
from vital_shared.events.odd_value import is_odd_value, note_odd_value
from vital_shared.logs import get_logger
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput

if TYPE_CHECKING:
    from vital_shared.cache.shared_questions import SharedQuestions
    from vital_shared.cache.stored_question import StoredQuestion

__all__ = ["RedisTier", "StoredAnswer"]

logger = get_logger(__name__)

PREFIX: Final = "vital/1"
"""The prefix of all keys. The number is the format's: another version beside this one has keys of its own."""

MAX_CONNECTIONS: Final = 20
OPERATION_TIMEOUT_SECONDS: Final = 0.25
"""An operation that takes longer has failed."""

FIRST_PAUSE_SECONDS: Final = 1.0
MAX_PAUSE_SECONDS: Final = 5.0
"""The longest pause in calls of Redis after a failure, in seconds; pauses double up to it."""

MAX_ANSWER_BYTES: Final = 4_000_000
"""A larger answer is not kept."""

LOOK_UP: Final = """
local found = redis.call('STRLEN', KEYS[1]) <= tonumber(ARGV[2]) and redis.call('GET', KEYS[1])
if found then redis.call('ZADD', KEYS[2], 'XX', ARGV[1], KEYS[1])
else redis.call('ZREM', KEYS[2], KEYS[1]) end
return found
"""
"""Find an entry and note that it was used; what has ended by itself, or is too long, is forgotten."""

T = TypeVar("T")


class StoredAnswer(NamedTuple):
    """An answer, and how old it is."""

    output: WorkflowOutput
    age: float
    """Seconds."""


class RedisTier:
    """Cached answers in Redis, bounded in number and age; those that were used least lately go first.

    :param url: ``redis://…``, ``rediss://…`` or ``unix://…``.
    :param entries: answers kept, at most.
    :param ttl: seconds that an answer is good for.
    :param wall: seconds since the epoch, which the machines agree on.
    :param clock: gives seconds that never go back.
    :raises ConfigurationError: when the address is none.
    """

    def __init__(
        self,
        url: str,
        entries: int,
        ttl: float,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capacity = entries
        self.connections = MAX_CONNECTIONS
        self.in_use = 0
        """Connections that are in use now."""
        self._ttl = ttl
        self._wall = wall
        self._clock = clock
        self._pause = 0.0
        self._paused_until = 0.0
        self._questions: SharedQuestions | None = None
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=MAX_CONNECTIONS,
                timeout=OPERATION_TIMEOUT_SECONDS,
                socket_timeout=OPERATION_TIMEOUT_SECONDS,
                socket_connect_timeout=OPERATION_TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as error:
            raise ConfigurationError(f"VITAL_REDIS_URL is not the address of a Redis: {error}.") from error
        self._redis = Redis.from_pool(pool)
        self._look_up = self._redis.register_script(LOOK_UP)

    async def get(self, key: str, request: WorkflowInput) -> StoredAnswer | None:
        """Find the answer to a question; it is now the one that was used last.

        :raises CacheUnavailable: when Redis does not answer.
        """
        name, now = self._name(key, request.tenant_id, request.mode.value, request.agent_id), self._wall()

        async def ask() -> bytes | None:
            return cast(
                "bytes | None", await self._look_up(keys=[name, self._index], args=[now, MAX_ANSWER_BYTES])
            )

        value = await self._within(ask, name)
        if value is None:
            return None
        found = _read(value, now)
        fits = found is not None and found.output.tenant_id == request.tenant_id
        if not fits or found is None or found.age >= self._ttl:
            if not fits:  # never given to anybody
                note_odd_value("cache", "it is no answer of the tenant's", key=name)
            return None
        return found

    async def put(self, key: str, output: WorkflowOutput) -> tuple[int, int]:
        """Keep an answer; returns how many there are now, and how many had to go for it.

        :raises CacheUnavailable: when Redis does not take it.
        """
        value = _write(output, now := self._wall())
        if len(value) > MAX_ANSWER_BYTES:
            return await self.count(), 0
        name = self._name(key, output.tenant_id, output.mode.value, output.agent_id)

        async def keep() -> tuple[int, int]:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.set(name, value, px=max(1, round(self._ttl * 1_000)))
                pipeline.zadd(self._index, {name: now})
                pipeline.zremrangebyscore(self._index, "-inf", now - self._ttl)
                pipeline.zcard(self._index)
                *_, there = await pipeline.execute()
            over = there - self.capacity
            if over <= 0:
                return there, 0
            popped = await self._redis.zpopmin(self._index, over)
            gone = [bytes(least) for least, _ in cast("list[tuple[bytes, float]]", popped)]
            await self._redis.unlink(*gone)
            return there - len(gone), len(gone)

        return await self._within(keep, name)

    async def count(self) -> int:
        """Count the answers.

        :raises CacheUnavailable: when Redis does not answer.
        """

        async def ask() -> int:
            return int(await self._redis.zcount(self._index, f"({self._wall() - self._ttl}", "+inf"))

        return await self._within(ask)

    async def ages(self, limit: int) -> list[float]:
        """Return the ages of entries in seconds, of a random sample where there are more than that.

        :raises CacheUnavailable: when Redis does not answer.
        """

        async def ask() -> list[float]:
            names = cast("list[bytes] | None", await self._redis.zrandmember(self._index, limit))
            async with self._redis.pipeline(transaction=False) as pipeline:
                for name in names or ():
                    pipeline.pttl(name)
                left = await pipeline.execute()
            return [max(0.0, self._ttl - each / 1_000) for each in left if each > 0]

        return await self._within(ask)

    async def bytes(self) -> int:
        """Return the bytes of memory that Redis takes.

        :raises CacheUnavailable: when Redis does not answer.
        """

        async def ask() -> int:
            return int((await self._redis.info("memory"))["used_memory"])

        return await self._within(ask)

    async def drop(self, tenant_id: str | None, mode: str | None, agent_id: str | None) -> int:
        """Drop answers, and return how many; nobody would find them any more, and their memory is free.

        The questions of all answers go with them.

        :raises CacheUnavailable: when Redis does not answer.
        """
        pattern = self._name("*", tenant_id or "*", mode or "*", agent_id or "*")
        await self._within(lambda: self._redis.unlink(self._question_stream))
        dropped, cursor = 0, 0
        while True:
            at = cursor

            async def step(at: int = at) -> tuple[int, int]:
                following, names = await self._redis.scan(at, match=pattern, count=1_000)
                if names:
                    await self._redis.unlink(*names)
                    await self._redis.zrem(self._index, *names)
                return int(following), len(names)

            cursor, gone = await self._within(step)
            dropped += gone
            if not cursor:
                return dropped

    async def add_question(self, question: StoredQuestion, most: int) -> None:
        """Let the other processes know the question of an answer that is kept.

        :param most: questions that a process keeps.
        :raises CacheUnavailable: when Redis does not take it.
        """
        questions = self._shared_questions(most)
        await self._within(lambda: questions.add(self._redis, question))

    async def new_questions(self, most: int) -> list[StoredQuestion]:
        """Return the questions that processes have added since the last call, one's own included.

        :raises CacheUnavailable: when Redis does not answer.
        """
        questions = self._shared_questions(most)
        return await self._within(lambda: questions.new(self._redis))

    def _shared_questions(self, most: int) -> SharedQuestions:
        if self._questions is None:
            # numpy, which a process without paraphrases does not load
            from vital_shared.cache.shared_questions import SharedQuestions  # noqa: PLC0415

            self._questions = SharedQuestions(self._question_stream, most, self._ttl, self._wall)
        return self._questions

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()

    @property
    def _question_stream(self) -> str:
        return f"{PREFIX}/questions"

    @property
    def _index(self) -> str:
        """A sorted set: the answers' keys, by when they were used last."""
        return f"{PREFIX}/used"

    def _name(self, key: str, tenant_id: str, mode: str, agent_id: str) -> str:
        return f"{PREFIX}/answer/{tenant_id}/{mode}/{agent_id}/{key}"

    async def _within(self, work: Callable[[], Awaitable[T]], name: str = "") -> T:
        """Do something with Redis, unless it is left alone.

        :param name: the key of the answer that it is about.
        """
        if self._clock() < self._paused_until:
            raise CacheUnavailable("Redis is not used for the moment, since it did not answer.")
        if self._pause:  # one tries; until it is known what comes of it, the others do not
            self._paused_until = self._clock() + 2 * OPERATION_TIMEOUT_SECONDS
        self.in_use += 1
        try:
            async with asyncio.timeout(2 * OPERATION_TIMEOUT_SECONDS):
                done = await work()
        except (RedisError, OSError, TimeoutError) as error:
            if not is_odd_value(error):
                self._failed(error)
                raise CacheUnavailable("Redis does not answer.") from error
            note_odd_value("cache", str(error), key=name)
            await self._remove_odd(name)
            raise CacheUnavailable("Redis has a value that is none of the cache's.") from error
        finally:
            self.in_use -= 1
        if self._pause:
            logger.info("redis_available_again")
        self._pause = self._paused_until = 0.0
        return done

    async def _remove_odd(self, name: str) -> None:
        """Remove what is in the place of the cache's own values: others need not do without Redis for it."""
        kinds = {name: b"string", self._index: b"zset", self._question_stream: b"stream"}
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(2 * OPERATION_TIMEOUT_SECONDS):
                for key, kind in kinds.items():
                    if key and await self._redis.type(key) not in (kind, b"none"):
                        await self._redis.unlink(key)

    def _failed(self, error: Exception) -> None:
        if not self._pause:
            logger.warning(
                "redis_unavailable",
                reason=f"{type(error).__name__}: {error}",
            )
        self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS) or FIRST_PAUSE_SECONDS
        self._paused_until = self._clock() + self._pause


def _write(output: WorkflowOutput, now: float) -> bytes:
    return zlib.compress(to_json({"at": now, "output": output}), 1)


def _read(value: bytes, now: float) -> StoredAnswer | None:
    """Read an entry; None: it is none of ours."""
    try:
        unpacker = zlib.decompressobj()
        entry = from_json(unpacker.decompress(value, 16 * MAX_ANSWER_BYTES))
        output = WorkflowOutput.model_validate_json(to_json(entry["output"]))
        return StoredAnswer(output, max(0.0, now - float(entry["at"])))
    except (zlib.error, ValueError, KeyError, TypeError, ValidationError):
        return None
