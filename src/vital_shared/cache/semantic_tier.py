"""The semantic tier: which questions were answered lately that ask the same in other words.

It keeps vectors of questions and the keys of their answers, which lie in the other tiers. Compared is what
has the same scope: tenant, mode, agent, and all else that an answer depends on but the question.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from vital_shared.cache.paraphrase import is_paraphrase

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SemanticTier"]


class SemanticTier:
    """The questions of cached answers, bounded in number; those that were asked first go first.

    :param entries: questions kept, at most.
    :param similarity: the cosine from which on two questions are compared word by word.
    :param ttl: seconds that an answer is good for, and its question is remembered.
    :param clock: gives seconds that never go back.
    """

    def __init__(
        self,
        entries: int,
        similarity: float,
        ttl: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capacity = entries
        self._similarity = similarity
        self._ttl = ttl
        self._clock = clock
        self._scopes: dict[str, dict[str, tuple[str, NDArray[np.float32]]]] = {}
        """By scope: the questions and their vectors, by the answer's key."""
        self._order: OrderedDict[str, tuple[str, float]] = OrderedDict()
        """The scopes of keys and the times of their questions, the oldest first."""

    def __len__(self) -> int:
        return len(self._order)

    def note(self, scope: str, key: str, query: str, vector: NDArray[np.float32]) -> int:
        """Remember a question whose answer is kept under a key; returns how many had to go for it."""
        self.forget(key)
        self._scopes.setdefault(scope, {})[key] = query, vector
        self._order[key] = scope, self._clock()
        gone = 0
        while len(self._order) > self.capacity:
            self.forget(next(iter(self._order)))
            gone += 1
        return gone

    def near(self, scope: str, query: str, vector: NDArray[np.float32]) -> list[str]:
        """Return the keys of answers to questions that ask the same, the nearest first."""
        known = self._scopes.get(scope, {})
        found = [
            (float(theirs @ vector), key)
            for key, (asked, theirs) in known.items()
            if theirs.shape == vector.shape
            and float(theirs @ vector) >= self._similarity
            and is_paraphrase(asked, query)
        ]
        return [key for _, key in sorted(found, reverse=True)]

    def sweep(self) -> None:
        """Forget the questions whose answers are no longer good."""
        oldest = self._clock() - self._ttl
        while self._order and next(iter(self._order.values()))[1] <= oldest:
            self.forget(next(iter(self._order)))

    def clear(self) -> None:
        """Forget all questions."""
        self._scopes.clear()
        self._order.clear()

    def forget(self, key: str) -> None:
        """Forget a question: its answer is gone."""
        scope, _ = self._order.pop(key, (None, 0.0))
        if scope is not None:
            known = self._scopes[scope]
            del known[key]
            if not known:
                del self._scopes[scope]
