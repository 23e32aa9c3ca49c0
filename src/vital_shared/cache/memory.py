"""The memory tier: the answers of this process, of which those that were used least lately go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["Cause", "Entry", "MemoryTier"]

Cause: TypeAlias = Literal["evict", "expire", "invalidate"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer that is kept."""

    output: WorkflowOutput
    size: int
    """Bytes, as JSON."""
    knowledge: int
    """The version of the documents that it was made from."""
    written_at: float
    """By the tier's clock."""


class MemoryTier:
    """Cached answers in memory, bounded in number, bytes and age.

    :param entries: answers kept, at most; 0 keeps nothing.
    :param most_bytes: size of all answers together, as JSON, at most.
    :param ttl: seconds that an answer is good for.
    :param clock: gives seconds that never go back.
    :param on_leave: called with each entry that leaves, why, and its age in seconds.
    """

    def __init__(
        self,
        entries: int,
        most_bytes: int,
        ttl: float,
        clock: Callable[[], float],
        on_leave: Callable[[Entry, Cause, float], None],
    ) -> None:
        self.capacity = entries
        self.bytes = 0
        """The size of all that is kept."""
        self._most_bytes = most_bytes
        self._ttl = ttl
        self._clock = clock
        self._on_leave = on_leave
        self._kept: OrderedDict[str, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def age(self, entry: Entry) -> float:
        """Return the age of an entry, in seconds."""
        return self._clock() - entry.written_at

    def ages(self, limit: int) -> list[float]:
        """Return the ages of entries in seconds; where there are more, of the most lately used ones."""
        return [self.age(entry) for entry in islice(reversed(self._kept.values()), limit)]

    def get(self, key: str) -> Entry | None:
        """Find an answer that is still good; it is now the one that was used last."""
        entry = self._kept.get(key)
        if entry is None:
            return None
        if self.age(entry) >= self._ttl:
            self._leave(key, "expire")
            return None
        self._kept.move_to_end(key)
        return entry

    def put(
        self, key: str, output: WorkflowOutput, knowledge: int, age: float = 0.0, size: int | None = None
    ) -> bool:
        """Keep an answer, and return whether there is room for one of its size.

        :param age: its age in seconds.
        :param size: its size as JSON, where that is known.
        """
        size = len(output.model_dump_json()) if size is None else size
        if size > self._most_bytes or not self.capacity:
            return False
        if key in self._kept:
            self.bytes -= self._kept.pop(key).size
        self._kept[key] = Entry(output, size, knowledge, self._clock() - age)
        self.bytes += size
        while len(self._kept) > self.capacity or self.bytes > self._most_bytes:
            self._leave(next(iter(self._kept)), "evict")
        return True

    def sweep(self) -> None:
        """Drop what is no longer good."""
        for key in [key for key, entry in self._kept.items() if self.age(entry) >= self._ttl]:
            self._leave(key, "expire")

    def invalidate(self, is_stale: Callable[[WorkflowOutput, int], bool]) -> int:
        """Drop answers, and return how many.

        :param is_stale: decides by an answer, and the version of the documents that it was made from.
        """
        stale = [key for key, entry in self._kept.items() if is_stale(entry.output, entry.knowledge)]
        for key in stale:
            self._leave(key, "invalidate")
        return len(stale)

    def _leave(self, key: str, cause: Cause) -> None:
        entry = self._kept.pop(key)
        self.bytes -= entry.size
        self._on_leave(entry, cause, self.age(entry))
