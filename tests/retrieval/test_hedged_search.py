"""Hedged searches: the second comes when the first is slower than usual, for a bounded share of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis.strategies import booleans, floats, lists

from vital_shared import BaseWorkflow
from vital_shared.errors import ConfigurationError, SourceError
from vital_shared.hedge_budget import MAX_SAVED_HEDGES, HedgeBudget
from vital_shared.models.citation import Passage
from vital_shared.models.workflow_io import WorkflowInput, WorkflowMode
from vital_shared.monitoring.metrics import RAG_HEDGES_TOTAL
from vital_shared.retrieval.hedged_search import MIN_SEARCHES, RecentLatencies, Searches, SearchHedge
from vital_shared.testing import CannedModel, passage, workflow_services
from vital_shared.workflows.estimate import max_cost


@given(share=floats(0, 1), plan=lists(booleans(), max_size=300))
def test_no_more_than_its_share_of_the_requests_is_hedged(share: float, plan: list[bool]) -> None:
    budget, hedges = HedgeBudget(share), 0
    for requests, wants in enumerate(plan, start=1):
        budget.note_request()
        hedges += wants and budget.take()
        assert hedges <= share * requests + 1e-6


def test_hedges_that_were_not_needed_are_saved_up_to_a_bound() -> None:
    budget = HedgeBudget(0.5)
    for _ in range(1_000):
        budget.note_request()
    assert sum(budget.take() for _ in range(100)) == MAX_SAVED_HEDGES


def test_the_usual_time_is_the_95th_percentile_of_the_latest_searches() -> None:
    latencies = RecentLatencies()
    for second in range(1, MIN_SEARCHES):
        latencies.note(second)
    assert latencies.p95 is None
    for second in range(MIN_SEARCHES, 201):
        latencies.note(second)
    assert latencies.p95 == 190
    for _ in range(200):
        latencies.note(7)
    assert latencies.p95 == 7


class Source:
    """A source whose searches take what a test says: seconds, an error, or until they are cancelled."""

    name = "slow"
    cost_dollars = Decimal("0.001")

    def __init__(self) -> None:
        self.plan: list[float | Exception | None] = []
        self.begun = 0
        self.cancelled = 0
        self.hedged = asyncio.Event()
        """Set once as many searches have begun as `warmed` makes, and two more."""

    async def search(self, query: str, *, tenant_id: str, limit: int) -> tuple[Passage, ...]:
        self.begun += 1
        number = self.begun
        if number == MIN_SEARCHES + 2:
            self.hedged.set()
        takes = self.plan.pop(0) if self.plan else 0.0
        try:
            if isinstance(takes, Exception):
                await asyncio.sleep(0.03)
                raise takes
            await (asyncio.Event().wait() if takes is None else asyncio.sleep(takes))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return (passage(f"Found by search {number}."),)


async def warmed(source: Source, share: float = 0.1) -> SearchHedge:
    """A hedge that knows how long the source usually takes, and has saved two hedges at a share of 10 %."""
    hedge = SearchHedge(source.name, share)
    for _ in range(MIN_SEARCHES):
        await hedge.first_of(lambda: search(source))
    return hedge


async def search(source: Source) -> tuple[Passage, ...]:
    return await source.search("?", tenant_id="acme", limit=1)


def hedges(outcome: str) -> float:
    return RAG_HEDGES_TOTAL.labels("slow", outcome).value


async def test_a_search_slower_than_usual_is_made_again_and_the_slow_one_is_cancelled() -> None:
    source, won = Source(), hedges("won")
    hedge = await warmed(source)
    source.plan = [None, 0.0]
    (found,) = await hedge.first_of(lambda: search(source))
    assert found.text == f"Found by search {MIN_SEARCHES + 2}."
    assert source.cancelled == 1
    assert hedges("won") == won + 1


async def test_a_first_search_that_is_done_sooner_after_all_is_the_answer() -> None:
    source, lost = Source(), hedges("lost")
    hedge = await warmed(source)
    source.plan = [0.05, None]
    (found,) = await hedge.first_of(lambda: search(source))
    assert found.text == f"Found by search {MIN_SEARCHES + 1}."
    assert (source.cancelled, hedges("lost")) == (1, lost + 1)


async def test_a_failure_of_one_search_leaves_the_answer_to_the_other_and_the_first_ones_is_raised() -> None:
    source, failed = Source(), hedges("failed")
    hedge = await warmed(source)
    source.plan = [SourceError("first"), 0.05]
    assert await hedge.first_of(lambda: search(source))
    source.plan = [SourceError("first"), SourceError("second")]
    with pytest.raises(SourceError, match="first"):
        await hedge.first_of(lambda: search(source))
    assert hedges("failed") == failed + 1


async def test_without_a_hedge_left_it_waits_for_the_first_search() -> None:
    source, over = Source(), hedges("over_budget")
    hedge = await warmed(source, share=0.05)
    source.plan = [None, 0.0, 0.05]
    await hedge.first_of(lambda: search(source))
    begun = source.begun
    await hedge.first_of(lambda: search(source))
    assert source.begun == begun + 1
    assert hedges("over_budget") == over + 1


async def test_a_cancelled_search_cancels_both() -> None:
    source = Source()
    hedge = await warmed(source)
    source.plan = [None, None]
    searching = asyncio.create_task(hedge.first_of(lambda: search(source)))
    await source.hedged.wait()
    searching.cancel()
    await asyncio.wait([searching])
    assert source.cancelled == 2


@settings(max_examples=20, deadline=None)
@given(slow=lists(booleans(), min_size=40, max_size=120))
def test_searches_that_were_given_up_do_not_make_the_source_look_fast(slow: list[bool]) -> None:
    latencies = RecentLatencies()
    for _ in range(MIN_SEARCHES):
        latencies.note(1.0)
    for is_slow in slow:
        usual = latencies.p95
        assert usual is not None
        latencies.note(usual + 0.1 if is_slow else 1.0)  # given up once the hedge has answered
        assert latencies.p95 is not None
        assert latencies.p95 >= 1.0


@asynccontextmanager
async def hedging(tmp_path, source: Source, **settings: object) -> AsyncIterator[BaseWorkflow]:
    async with workflow_services(
        tmp_path, models=[CannedModel()], sources=[source], hedged_sources="slow", **settings
    ) as services:
        yield BaseWorkflow(services)


async def test_both_searches_of_a_run_are_charged_and_reserved(tmp_path) -> None:
    source = Source()
    async with hedging(tmp_path, source) as workflow:
        services = workflow.services
        request = WorkflowInput(
            query="How long?", mode=WorkflowMode.MODE_2, tenant_id="acme", user_id="ann", model="canned"
        )
        agent = await services.agents.get("generalist", tenant_id="acme")
        once = max_cost(services, request.model_copy(update={"enable_rag": False}), agent).dollars
        assert max_cost(services, request, agent).dollars - once == 2 * 2 * source.cost_dollars
        for number in range(MIN_SEARCHES):
            await services.searches.ask(source, f"{number}", tenant_id="acme", limit=1)
        source.plan = [None, 0.0]
        output = await workflow.execute_typed(request)
        assert output.cost.rag == 2 * source.cost_dollars
        charges = await services.runs.charges(output.run_id)
        assert sorted(each.status for each in charges if each.name == "slow") == ["cancelled", "success"]


async def test_only_sources_that_are_there_can_be_hedged(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r'names "slow".*there are memory'):
        async with workflow_services(tmp_path, hedged_sources="slow"):
            pass


async def test_a_source_that_is_not_hedged_is_asked_once(tmp_path) -> None:
    source = Source()
    searches = Searches.hedging((), 0.5, [source])
    source.plan = [0.0] * MIN_SEARCHES + [0.05]
    for _ in range(MIN_SEARCHES + 1):
        await searches.ask(source, "?", tenant_id="acme", limit=1)
    assert source.begun == MIN_SEARCHES + 1
    assert searches.max_price_of(source) == source.cost_dollars
