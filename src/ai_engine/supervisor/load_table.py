"""The load of each worker, in memory that all of them share."""

from __future__ import annotations

import mmap
import os
from typing import Final, NamedTuple, Self

__all__ = ["LoadTable", "WorkerLoad"]

ABSENT: Final = 2**63 - 1
ACCEPTED_BITS: Final = 40
SLOT_BYTES: Final = 8


class WorkerLoad(NamedTuple):
    """One worker's share; compared in this order."""

    connections: int
    """Open now."""
    accepted: int
    """In all."""


class LoadTable:
    """A number for each worker, which it alone writes while it lives.

    :param fd: the descriptor of the shared memory.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._slots = memoryview(mmap.mmap(fd, os.fstat(fd).st_size)).cast("q")

    @classmethod
    def create(cls, workers: int) -> Self:
        """Make an empty one, for workers with the numbers from 1 on."""
        fd = os.memfd_create("vital-loads")
        os.ftruncate(fd, (workers + 1) * SLOT_BYTES)
        table = cls(fd)
        for number in range(workers + 1):
            table.remove(number)
        return table

    def set(self, worker: int, load: WorkerLoad) -> None:
        """Note what a worker has."""
        self._slots[worker] = load.connections << ACCEPTED_BITS | load.accepted

    def remove(self, worker: int) -> None:
        """Note that a worker serves no more."""
        self._slots[worker] = ABSENT

    def others(self, worker: int) -> list[WorkerLoad]:
        """Return the loads of the other workers that serve."""
        return [
            WorkerLoad(slot >> ACCEPTED_BITS, slot % (1 << ACCEPTED_BITS))
            for number, slot in enumerate(self._slots)
            if slot != ABSENT and number != worker
        ]
