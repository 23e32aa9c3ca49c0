"""The questions of cached answers, for the semantic tiers of all processes: a stream in Redis.

Each process keeps the vectors in memory and compares them there; it reads what the others have added when it
looks for a question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from vital_shared.cache.stored_question import StoredQuestion
from vital_shared.events.odd_value import note_odd_value

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["SharedQuestions"]
MAX_QUESTIONS_READ: Final = 1_000
"""Questions read in one round trip; the next look reads on."""


MAX_CHARACTERS: Final = 100_000
MAX_DIMENSIONS: Final = 10_000
"""The longest text and vector of a question; those of requests are shorter."""


class SharedQuestions:
    """The stream of one Redis, bounded in number and age.

    :param name: the key of the stream.
    :param most: questions kept, at most, or a few more.
    :param ttl: seconds that an answer is good for.
    :param wall: seconds since the epoch, which the machines agree on.
    """

    def __init__(self, name: str, most: int, ttl: float, wall: Callable[[], float]) -> None:
        self._name = name
        self._most = most
        self._ttl = ttl
        self._wall = wall
        self._read_to = ""
        """The id of the last question that was read."""

    async def add(self, redis: Redis, question: StoredQuestion) -> None:
        """Add a question; the stream ends by itself once its last answer is no longer good."""
        fields: Any = {
            "scope": question.scope,
            "key": question.key,
            "query": question.query,
            "vector": question.vector.astype("<f4").tobytes(),
        }
        async with redis.pipeline(transaction=False) as pipeline:
            pipeline.xadd(self._name, fields, maxlen=self._most, approximate=True)
            pipeline.pexpire(self._name, max(1, round(1_000 * self._ttl)))
            await pipeline.execute()

    async def new(self, redis: Redis) -> list[StoredQuestion]:
        """Return the questions that were added since the last call, and are not too old."""
        oldest = f"{max(0, round(1_000 * (self._wall() - self._ttl)))}-0"
        after = max(self._read_to, oldest, key=_order)
        found = cast("Any", await redis.xread({self._name: after}, count=MAX_QUESTIONS_READ))
        entries = found[0][1] if found else []
        if entries:
            self._read_to = entries[-1][0].decode()
        return [question for _, fields in entries if (question := _read(fields)) is not None]


def _order(entry_id: str) -> tuple[int, int]:
    """Return the place of an entry in its stream."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds or 0), int(number or 0)


def _read(fields: dict[bytes, bytes]) -> StoredQuestion | None:
    """Read a question; None: it is none of ours."""
    try:
        scope, key, query = (fields[name].decode() for name in (b"scope", b"key", b"query"))
        vector = np.frombuffer(fields[b"vector"], "<f4")
    except (KeyError, ValueError):
        fits = False
    else:
        is_short = max(map(len, (scope, key, query))) <= MAX_CHARACTERS and len(vector) <= MAX_DIMENSIONS
        fits = is_short and bool(np.isfinite(vector).all())
    if not fits:
        note_odd_value("cache", "it is no question", key="questions")
        return None
    return StoredQuestion(scope, key, query, vector)
