"""The answers of this process that clients have asked to be cached, and those that are on their way."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakValueDictionary

from ai_engine.gateway.shared_channel import SharedChannel
from ai_engine.runs.hub import LiveRun
from vital_shared.models.event import RunFinished
from vital_shared.models.workflow_io import WorkflowOutput

__all__ = ["AnswerCache", "RecordedAnswer", "SharedCall"]


class RecordedAnswer(NamedTuple):
    """An answer as its client has got it."""

    body: bytes
    output: WorkflowOutput
    """The output of its run, for what giving it again spares."""
    written_at: float
    """By the cache's clock."""
    ttl_seconds: float


@dataclass(eq=False)
class SharedCall:
    """A call under way, and its clients."""

    key: str
    ttl_seconds: float
    """The time for which its answer is kept."""
    run: LiveRun
    channel: SharedChannel
    clients: int = 0


class AnswerCache:
    """Answers by key, of which those that were used least lately go first.

    :param entries: answers kept, at most; 0 keeps none.
    :param max_bytes: size of all of them together, at most.
    :param clock: gives seconds that never go back.
    """

    def __init__(self, entries: int, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries = entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._bytes = 0
        self._kept: OrderedDict[str, RecordedAnswer] = OrderedDict()
        self._calls: dict[str, SharedCall] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def find(self, key: str, ttl_seconds: float) -> RecordedAnswer | None:
        """Return an answer that is young enough for the reader, and for the one that had it kept."""
        found = self._kept.get(key)
        if found is None:
            return None
        age = self._clock() - found.written_at
        if age >= found.ttl_seconds:
            self._drop(key)
        if age >= min(ttl_seconds, found.ttl_seconds):
            return None
        self._kept.move_to_end(key)
        return found

    def keep(self, call: SharedCall) -> None:
        """Keep the answer of a call that has ended, if it is whole, as asked for, and not too large."""
        self._forget(call)
        end, body, key = call.run.log.outcome, call.channel.recorded, call.key
        if (
            not isinstance(end, RunFinished)
            or end.output.degradation_reasons
            or len(body) > self._max_bytes
            or not self._entries
        ):
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = RecordedAnswer(body, end.output, self._clock(), call.ttl_seconds)
        self._bytes += len(body)
        while len(self._kept) > self._entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def beginning(self, key: str) -> asyncio.Lock:
        """Return the lock under which a call is found, or begun."""
        return self._locks.setdefault(key, asyncio.Lock())

    def under_way(self, key: str) -> SharedCall | None:
        """Return the call whose answer is on its way, or has just come."""
        return self._calls.get(key)

    def begun(self, call: SharedCall) -> None:
        """Let equal requests follow a call."""
        self._calls[call.key] = call

    def leave(self, call: SharedCall) -> None:
        """Let a client go; with the last one, a call that is under way ends."""
        call.clients -= 1
        if not call.clients:
            self._forget(call)
            if not call.channel.is_closed:
                call.run.cancel("client_gone")

    def _forget(self, call: SharedCall) -> None:
        if self._calls.get(call.key) is call:
            del self._calls[call.key]

    def _drop(self, key: str) -> None:
        self._bytes -= len(self._kept.pop(key).body)
