"""The cache of answers: looked into before a run, written after it, and counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from vital_shared.cache.flight import Flights
from vital_shared.cache.memory import Cause, Entry, MemoryTier
from vital_shared.models.workflow_io import WorkflowMode, WorkflowOutput
from vital_shared.monitoring.metrics import (
    CACHE_BYTES,
    CACHE_CAPACITY_ENTRIES,
    CACHE_ENTRIES,
    CACHE_ENTRY_AGE_SECONDS,
    CACHE_ENTRY_LIFETIME_SECONDS,
    CACHE_OPERATIONS_TOTAL,
)

__all__ = ["Cache"]

TIER: Final = "memory"


class Cache:
    """Answers that were given lately.

    :param entries: at most so many; 0 turns it off.
    :param most_bytes: of all answers together.
    :param ttl: seconds that an answer is good for.
    """

    def __init__(
        self, entries: int, most_bytes: int, ttl: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_on = entries > 0
        self.flights = Flights()
        """The questions that are being answered now."""
        self._memory = MemoryTier(entries, most_bytes, ttl, clock, self._left)
        self._knowledge = 0
        CACHE_CAPACITY_ENTRIES.at(TIER).set(entries)
        self._count_entries()

    def find(self, key: str, mode: WorkflowMode, knowledge: int) -> WorkflowOutput | None:
        """Look for an answer.

        :param knowledge: the version of the documents now: answers from older ones are thrown away.
        """
        if knowledge > self._knowledge:
            self._knowledge = knowledge
            self._memory.invalidate(lambda _, of: of < knowledge)
        entry = self._memory.get(key)
        CACHE_OPERATIONS_TOTAL.at("miss" if entry is None else "hit", TIER, mode.value).inc()
        if entry is None:
            self._count_entries()
            return None
        CACHE_ENTRY_AGE_SECONDS.at(TIER).observe(self._memory.age(entry))
        return entry.output

    def peek(self, key: str) -> WorkflowOutput | None:
        """Look for an answer once more, in this process; it counts as no look-up."""
        entry = self._memory.get(key)
        return None if entry is None else entry.output

    def pass_by(self, mode: WorkflowMode) -> None:
        """Count a request that the cache is not asked for."""
        CACHE_OPERATIONS_TOTAL.at("bypass", TIER, mode.value).inc()

    def keep(self, key: str, output: WorkflowOutput, knowledge: int) -> None:
        """Keep an answer, unless it is larger than all that may be kept."""
        if self._memory.put(key, output, knowledge):
            CACHE_OPERATIONS_TOTAL.at("write", TIER, output.mode.value).inc()
        self._count_entries()

    def sweep(self) -> None:
        """Drop what is no longer good; to be called each second or so."""
        self._memory.sweep()
        self._count_entries()

    def _left(self, entry: Entry, cause: Cause, age: float) -> None:
        CACHE_OPERATIONS_TOTAL.at(cause, TIER, entry.output.mode.value).inc()
        CACHE_ENTRY_LIFETIME_SECONDS.at(TIER, cause).observe(age)

    def _count_entries(self) -> None:
        CACHE_ENTRIES.at(TIER).set(len(self._memory))
        CACHE_BYTES.at(TIER).set(self._memory.bytes)
