"""The cache of answers: looked into before a run, written after it, and counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from vital_shared.cache.errors import CacheUnavailable
from vital_shared.cache.memory import Cause, Entry, MemoryTier
from vital_shared.cache.semantic_tier import SemanticTier
from vital_shared.cache.stored_question import StoredQuestion
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode, WorkflowOutput
from vital_shared.monitoring.metrics import (
    CACHE_BYTES,
    CACHE_CAPACITY_ENTRIES,
    CACHE_ENTRIES,
    CACHE_ENTRY_AGE_SECONDS,
    CACHE_ENTRY_LIFETIME_SECONDS,
    CACHE_OPERATIONS_TOTAL,
    CACHE_SAMPLED_AGE_SECONDS,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vital_shared.cache.redis import RedisTier

__all__ = ["Cache", "DroppedAnswers"]

Tier: TypeAlias = Literal["memory", "redis", "semantic"]

MEMORY: Final = "memory"
REDIS: Final = "redis"
SEMANTIC: Final = "semantic"

SWEEPS_PER_SAMPLE: Final = 10
SAMPLED_ENTRIES: Final = 1_000
SAMPLED_ENTRIES_OF_REDIS: Final = 100


class DroppedAnswers(NamedTuple):
    """The cached answers that were let go of."""

    answers: int
    is_complete: bool
    """Whether Redis, where there is one, has let go of them, too."""


class Cache:
    """Recent answers: in this process, and in Redis where there is one.

    :param entries: answers kept in this process, at most; 0 turns the cache off.
    :param most_bytes: size of all these answers together, at most.
    :param ttl: seconds that an answer is good for.
    :param redis: shared by all processes.
    :param similarity: the cosine from which on questions are compared in the semantic tier.
    """

    def __init__(
        self,
        entries: int,
        most_bytes: int,
        ttl: float,
        redis: RedisTier | None = None,
        similarity: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_on = entries > 0
        self.redis = redis if self.is_on else None
        self._memory = MemoryTier(entries, most_bytes, ttl, clock, self._left)
        self._similar = SemanticTier(entries, similarity, ttl, clock)
        self._knowledge = 0
        CACHE_CAPACITY_ENTRIES.labels(MEMORY).set(entries)
        CACHE_CAPACITY_ENTRIES.labels(SEMANTIC).set(entries)
        if self.redis is not None:
            CACHE_CAPACITY_ENTRIES.labels(REDIS).set(self.redis.capacity)
        self._sweeps = 0
        self._entries, self._bytes = CACHE_ENTRIES.labels(MEMORY), CACHE_BYTES.labels(MEMORY)
        self._similar_entries = CACHE_ENTRIES.labels(SEMANTIC)
        self._count_entries()

    async def find(self, key: str, request: WorkflowInput, knowledge: int) -> WorkflowOutput | None:
        """Look for an answer.

        :param knowledge: the version of the documents now: answers from older ones are thrown away.
        """
        if knowledge > self._knowledge:
            self._knowledge = knowledge
            self._memory.invalidate(lambda _, of: of < knowledge)
        entry = self._memory.get(key)
        if entry is not None:
            self._count("hit", MEMORY, request.mode, self._memory.age(entry))
            return entry.output
        self._count("miss", MEMORY, request.mode)
        return await self._find_in_redis(key, request, knowledge)

    async def _find_in_redis(self, key: str, request: WorkflowInput, knowledge: int) -> WorkflowOutput | None:
        if self.redis is None:
            return None
        try:
            found = await self.redis.get(key, request)
        except CacheUnavailable:  # said and counted there
            self._count("bypass", REDIS, request.mode)
            return None
        if found is None:
            self._count("miss", REDIS, request.mode)
            return None
        self._count("hit", REDIS, request.mode, found.age)
        self._memory.put(key, found.output, knowledge, found.age)
        self._count_entries()
        return found.output

    async def find_similar(
        self, scope: str, request: WorkflowInput, vector: NDArray[np.float32]
    ) -> WorkflowOutput | None:
        """Look for the answer to a question that asks the same in other words.

        :param scope: the key of all that an answer depends on but the question.
        :param vector: the vector of the question.
        """
        await self._learn_questions()
        for key in self._similar.near(scope, request.query, vector):
            entry = self._memory.get(key)
            if entry is None and await self.find_again(key, request):
                entry = self._memory.get(key)
            if entry is not None:
                self._count("hit", SEMANTIC, request.mode, self._memory.age(entry))
                return entry.output
            self._similar.forget(key)
        self._count("miss", SEMANTIC, request.mode)
        return None

    async def note_similar(
        self, scope: str, key: str, request: WorkflowInput, vector: NDArray[np.float32]
    ) -> None:
        """Remember a question whose answer is kept, for `find_similar`, here and in the other processes."""
        gone = self._similar.note(scope, key, request.query, vector)
        self._count("write", SEMANTIC, request.mode)
        CACHE_OPERATIONS_TOTAL.labels("evict", SEMANTIC, request.mode.value).inc(gone)
        self._count_entries()
        if self.redis is None:
            return
        question = StoredQuestion(scope, key, request.query, vector)
        with suppress(CacheUnavailable):  # said there: the other processes do without it
            await self.redis.add_question(question, self._similar.capacity)

    async def _learn_questions(self) -> None:
        """Remember the questions of the other processes, too."""
        if self.redis is None:
            return
        with suppress(CacheUnavailable):  # said there
            for each in await self.redis.new_questions(self._similar.capacity):
                self._similar.note(each.scope, each.key, each.query, each.vector)

    def peek(self, key: str) -> WorkflowOutput | None:
        """Look for an answer once more, in this process; it counts as no look-up."""
        entry = self._memory.get(key)
        return None if entry is None else entry.output

    async def find_again(self, key: str, request: WorkflowInput) -> bool:
        """Look for an answer once more in Redis, and have it here then; it counts as no look-up."""
        if self.redis is None:
            return False
        try:
            found = await self.redis.get(key, request)
        except CacheUnavailable:  # said there
            return False
        return found is not None and self._memory.put(key, found.output, self._knowledge, found.age)

    def count_bypass(self, mode: WorkflowMode, tier: Tier = MEMORY) -> None:
        """Count a request that the cache, or one tier, is not asked for."""
        self._count("bypass", tier, mode)

    async def keep(self, key: str, output: WorkflowOutput, knowledge: int, size: int | None = None) -> None:
        """Keep an answer, unless it is larger than all that may be kept.

        :param size: its size as JSON, where that is known.
        """
        if self._memory.put(key, output, knowledge, size=size):
            self._count("write", MEMORY, output.mode)
        self._count_entries()
        if self.redis is None:
            return
        try:
            there, gone = await self.redis.put(key, output)
        except CacheUnavailable:
            self._count("bypass", REDIS, output.mode)
            return
        self._count("write", REDIS, output.mode)
        CACHE_OPERATIONS_TOTAL.labels("evict", REDIS, output.mode.value).inc(gone)
        CACHE_ENTRIES.labels(REDIS).set(there)

    async def drop(
        self, tenant_id: str | None, mode: WorkflowMode | None, agent_id: str | None
    ) -> DroppedAnswers:
        """Let go of answers that nobody may find any more, here and in Redis.

        The questions that others are compared with are forgotten altogether: they do not say whose they are.
        """

        def is_meant(output: WorkflowOutput, _: int) -> bool:
            return (
                tenant_id in (None, output.tenant_id)
                and mode in (None, output.mode)
                and agent_id in (None, output.agent_id)
            )

        dropped = self._memory.invalidate(is_meant)
        self._similar.clear()
        self._count_entries()
        if self.redis is not None:
            try:
                shared = await self.redis.drop(tenant_id, mode.value if mode else None, agent_id)
            except CacheUnavailable:  # they are not found all the same, and end by themselves
                return DroppedAnswers(dropped, is_complete=False)
            dropped = max(dropped, shared)
        return DroppedAnswers(dropped, is_complete=True)

    async def sweep(self) -> None:
        """Drop what is no longer good, and look how full Redis is; to be called each second or so."""
        self._memory.sweep()
        self._similar.sweep()
        self._count_entries()
        self._sweeps += 1
        is_sampled = self._sweeps % SWEEPS_PER_SAMPLE == 1
        if is_sampled:
            CACHE_SAMPLED_AGE_SECONDS.labels(MEMORY).observe_all(self._memory.ages(SAMPLED_ENTRIES))
        if self.redis is not None:
            try:
                if is_sampled:
                    ages = await self.redis.ages(SAMPLED_ENTRIES_OF_REDIS)
                    CACHE_SAMPLED_AGE_SECONDS.labels(REDIS).observe_all(ages)
                CACHE_ENTRIES.labels(REDIS).set(await self.redis.count())
                CACHE_BYTES.labels(REDIS).set(await self.redis.bytes())
            except CacheUnavailable:  # said there; the gauges stay as they were
                return

    def _count(self, operation: str, tier: Tier, mode: WorkflowMode, age: float | None = None) -> None:
        CACHE_OPERATIONS_TOTAL.labels(operation, tier, mode.value).inc()
        if age is not None:
            CACHE_ENTRY_AGE_SECONDS.labels(tier).observe(age)

    def _left(self, entry: Entry, cause: Cause, age: float) -> None:
        CACHE_OPERATIONS_TOTAL.labels(cause, MEMORY, entry.output.mode.value).inc()
        CACHE_ENTRY_LIFETIME_SECONDS.labels(MEMORY, cause).observe(age)

    def _count_entries(self) -> None:
        self._entries.set(len(self._memory))
        self._bytes.set(self._memory.bytes)
        self._similar_entries.set(len(self._similar))
