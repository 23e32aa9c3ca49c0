"""A bound on connections that does not shut out other peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Protocol, TypeVar

__all__ = ["WaitingConnection", "connection_to_drop"]


class WaitingConnection(Protocol):
    """A connection that may wait for a request."""

    @property
    def peer(self) -> str:
        """The peer's address."""

    @property
    def waiting_since(self) -> float | None:
        """The time from which it waits for a whole head, in seconds of the loop; None while it does not."""


C = TypeVar("C", bound=WaitingConnection)


def connection_to_drop(connections: Collection[C]) -> C | None:
    """Return the connection that has to make room for another, or None where all are at work.

    It is the one that has waited longest, of the peer that has most of the waiting ones: a peer that opens
    connections without end thus takes them from itself.
    """
    waiting = [(since, each) for each in connections if (since := each.waiting_since) is not None]
    peers = Counter(each.peer for _, each in waiting)
    return min(waiting, key=lambda one: (-peers[one[1].peer], one[0]), default=(0.0, None))[1]
