"""Requests between workers about a run, and the encoding of their answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from struct import Struct
from typing import Final, Literal, TypeAlias

from vital_shared.models.base import Frozen

__all__ = ["ALL", "HERE", "Ask", "RunSegment", "State", "Wish", "ask_alone", "pack", "unpack"]

Ask: TypeAlias = Callable[[int, bytes], Awaitable[dict[int, bytes]]]
"""A request to the worker of a number, or to `ALL` others; gives the non-empty answers, by worker."""

State: TypeAlias = Literal["live", "paused", "ended"]

ALL: Final = 0
HERE: Final = 0
"""No worker's number: this process."""

_head: Final = Struct("!BI")


class Wish(Frozen):
    """A request to a peer."""

    op: Literal["find", "read", "leave", "cancel"]
    run_id: str
    tenant_id: str | None
    """The run has to be this tenant's; None: any tenant's."""

    reader: str = ""
    """The id of the reader; the worker that has the run keeps its place."""

    after: int = 0
    """The number of the last event that the reader has; for its first wish."""

    seconds: float = 0.0
    """Seconds that the answer may wait for new events."""


class RunSegment(Frozen):
    """The segment of a run that a worker holds; a paused run may have gone on in another worker."""

    first_seq: int
    last_seq: int
    state: State

    def has_after(self, seq: int) -> bool:
        """Return whether there is something after an event, or may come."""
        return self.state == "live" or self.last_seq > seq


async def ask_alone(_worker: int, _wish: bytes) -> dict[int, bytes]:
    """Ask nobody: this process is alone."""
    return {}


def pack(answers: Iterable[tuple[int, bytes]]) -> bytes:
    """Write answers of several workers as one."""
    return b"".join(_head.pack(worker, len(answer)) + answer for worker, answer in answers if answer)


def unpack(packed: bytes) -> Iterator[tuple[int, bytes]]:
    """Read what `pack` wrote."""
    at = 0
    while at < len(packed):
        worker, length = _head.unpack_from(packed, at)
        at += _head.size
        yield worker, packed[at : at + length]
        at += length
