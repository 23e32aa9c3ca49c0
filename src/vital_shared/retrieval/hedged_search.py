"""A hedged search: a slow source is asked a second time, and the first answer counts."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from math import ceil
from typing import Final, Generic, NamedTuple, TypeVar

from vital_shared.errors import ConfigurationError
from vital_shared.guardrails.pipeline import Guardrails
from vital_shared.hedge_budget import HedgeBudget, HedgeOutcome
from vital_shared.models.citation import Passage
from vital_shared.monitoring.metrics import RAG_HEDGES_TOTAL
from vital_shared.retrieval.base import Source, ask, max_price_of

__all__ = ["RecentLatencies", "SearchHedge", "Searches"]

T = TypeVar("T")

RECENT_SEARCHES: Final = 200
"""The latest searches of a source, from which its usual time is known."""

MIN_SEARCHES: Final = 20
"""Searches of a source before the first hedge: with fewer, the 95th percentile is not known."""

HEDGED_FROM: Final = 0.95
"""The share of searches that are as fast as usual."""

MIN_DELAY_SECONDS: Final = 0.005
"""The shortest wait before the second search."""

SEARCHES_OF_A_HEDGE: Final = 2


class RecentLatencies:
    """The latest latencies of a source, in seconds.

    One of a search that was given up is the time until then. It was slow, and stays among the slow ones.
    """

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=RECENT_SEARCHES)

    def note(self, seconds: float) -> None:
        """Note one."""
        self._seconds.append(seconds)

    @property
    def p95(self) -> float | None:
        """The 95th percentile; None: too few are known."""
        if len(self._seconds) < MIN_SEARCHES:
            return None
        return sorted(self._seconds)[ceil(HEDGED_FROM * len(self._seconds)) - 1]


class _Attempt(NamedTuple, Generic[T]):
    """The end of one search: its value, or why there is none."""

    value: T | None
    error: Exception | None


class SearchHedge:
    """The hedging of one source.

    :param source: name of the source.
    :param share: share of its searches that may be hedged.
    :param clock: seconds, monotonic.
    """

    def __init__(self, source: str, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.source = source
        self._budget = HedgeBudget(share)
        self._latencies = RecentLatencies()
        self._clock = clock

    async def first_of(self, search: Callable[[], Awaitable[T]]) -> T:
        """Search, and once more where that takes longer than 95 of 100 searches; the slower one is cancelled.

        Raises what the first search raises, where none succeeds.
        """
        self._budget.note_request()
        started, failed = self._clock(), False
        try:
            async with asyncio.TaskGroup() as group:
                attempts = [group.create_task(_attempt(search))]
                if await self._is_slow(attempts[0]):
                    attempts.append(group.create_task(_attempt(search)))
                winner = await self._winner(attempts)
                for each in attempts:
                    each.cancel()
            failed = winner.error is not None
        finally:
            if not failed:  # a failure says nothing about the time that a search takes
                self._latencies.note(self._clock() - started)
        if winner.error is not None:
            raise winner.error
        return winner.value  # type: ignore[return-value]  # without an error it is there

    async def _is_slow(self, first: asyncio.Task[_Attempt[T]]) -> bool:
        """Wait until a search is slower than usual, and may be hedged; False: it has ended, or may not be."""
        usual = self._latencies.p95
        if usual is None:
            return False
        done, _ = await asyncio.wait([first], timeout=max(usual, MIN_DELAY_SECONDS))
        if done:
            return False
        if not self._budget.take():
            self._count("over_budget")
            return False
        return True

    async def _winner(self, attempts: Sequence[asyncio.Task[_Attempt[T]]]) -> _Attempt[T]:
        """Return the first success, or the failure of the first search."""
        waiting: set[asyncio.Task[_Attempt[T]]] = set(attempts)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in attempts:
                if task in done and task.result().error is None:
                    if len(attempts) == SEARCHES_OF_A_HEDGE:
                        self._count("lost" if task is attempts[0] else "won")
                    return task.result()
        if len(attempts) == SEARCHES_OF_A_HEDGE:
            self._count("failed")
        return attempts[0].result()

    def _count(self, outcome: HedgeOutcome) -> None:
        RAG_HEDGES_TOTAL.labels(self.source, outcome).inc()


async def _attempt(search: Callable[[], Awaitable[T]]) -> _Attempt[T]:
    try:
        return _Attempt(await search(), None)
    except Exception as error:  # noqa: BLE001 - raised by the caller, where no search succeeds
        return _Attempt(None, error)


class Searches:
    """The searches of all sources, those of some hedged.

    :param hedges: the hedging of sources, by name.
    :param guardrails: the checks of queries and of what is found; None: there are none.
    """

    def __init__(self, hedges: Sequence[SearchHedge] = (), guardrails: Guardrails | None = None) -> None:
        self._guardrails = None if guardrails is None or not guardrails.is_active else guardrails
        self._hedges = {hedge.source: hedge for hedge in hedges}

    @classmethod
    def hedging(
        cls,
        names: Sequence[str],
        share: float,
        sources: Sequence[Source],
        guardrails: Guardrails | None = None,
    ) -> Searches:
        """Hedge the searches of these sources.

        :param share: share of each source's searches that may be hedged.
        :raises ConfigurationError: when there is no such source.
        """
        known = {source.name for source in sources}
        for name in names:
            if name not in known:
                raise ConfigurationError(
                    f'VITAL_HEDGED_SOURCES names "{name}", and there is no such source: '
                    f"there are {', '.join(sorted(known))}."
                )
        return cls([SearchHedge(name, share) for name in names], guardrails)

    async def ask(self, source: Source, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        """Search a source; each search that went out is charged. See `vital_shared.retrieval.base.ask`.

        :raises VitalError: when the source does not answer, or a guardrail refuses.
        """
        guardrails = self._guardrails
        if guardrails is None:
            return await self._search(source, query, tenant_id=tenant_id, limit=limit)
        call = guardrails.call("retrieval", source.name)
        (query,) = await guardrails.before(call, (query,))
        passages = await self._search(source, query, tenant_id=tenant_id, limit=limit)
        texts = await guardrails.after(call, tuple(passage.text for passage in passages))
        return tuple(
            passage if passage.text == text else passage.model_copy(update={"text": text})
            for passage, text in zip(passages, texts, strict=True)
        )

    async def _search(self, source: Source, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        hedge = self._hedges.get(source.name)
        if hedge is None:
            return await ask(source, query, tenant_id=tenant_id, limit=limit)
        return await hedge.first_of(lambda: ask(source, query, tenant_id=tenant_id, limit=limit))

    def max_price_of(self, source: Source) -> Decimal:
        """Return what asking a source can cost at most, in dollars."""
        return max_price_of(source) * (SEARCHES_OF_A_HEDGE if source.name in self._hedges else 1)
