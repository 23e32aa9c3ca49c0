"""Estimates hold what they promise, and verdicts follow from them."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.vital_ops.conftest import NOW, Rows

from ai_engine.report.period import ReportPeriod
from vital_ops.baseline.comparison import Figure, compare_periods
from vital_ops.baseline.estimate import IntervalEstimate, difference, mean, quantile, share
from vital_ops.baseline.period_figures import PeriodFigures, period_figures
from vital_ops.report.counts import Moments
from vital_ops.report.histogram import BucketCounts
from vital_shared.errors import Conflict, NotFound
from vital_shared.store.baselines import BaselineStore, StoredBaseline
from vital_shared.store.database import Database
from vital_shared.store.request_counts import BUCKETS

LATER = timedelta(hours=1)
EARLIER = timedelta(hours=30)


def histogram(values: list[float]) -> BucketCounts:
    edges = [float(each) for each in BUCKETS[:-1]]
    counts: dict[str, int] = {}
    for value in values:
        le = next((name for name, edge in zip(BUCKETS, edges, strict=False) if value <= edge), "+Inf")
        counts[le] = counts.get(le, 0) + 1
    return BucketCounts(counts)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_share_holds_it(pair: tuple[int, int]) -> None:
    value, low, high = share(*pair)
    assert 0 <= low <= value + 1e-12
    assert value - 1e-12 <= high <= 1


def test_wilsons_interval_is_the_published_one() -> None:
    found = share(10, 100)  # with z = 2.5758
    assert (found.low, found.high) == (pytest.approx(0.0462, abs=1e-3), pytest.approx(0.2034, abs=1e-3))


@pytest.mark.parametrize("kind", ["share", "mean", "quantile"])
def test_equal_periods_differ_by_chance_as_seldom_as_promised(kind: str) -> None:
    drawn = random.Random(7)

    def estimate() -> IntervalEstimate:
        values = [drawn.lognormvariate(0, 0.8) for _ in range(200)]
        if kind == "share":
            return share(sum(value > 1 for value in values), len(values))
        if kind == "mean":
            return mean(Moments(len(values), sum(values), sum(value * value for value in values)))
        return quantile(histogram(values), 0.95)

    found = [difference(estimate(), estimate()) for _ in range(500)]
    wrong = sum(not each.low <= 0 <= each.high for each in found)
    assert wrong <= 15  # 5 are expected at 99 %


@given(st.lists(st.floats(0.001, 59), min_size=10, max_size=300), st.sampled_from([0.5, 0.95]))
def test_the_interval_of_a_quantile_holds_the_sample_quantile(values: list[float], at: float) -> None:
    found = quantile(histogram(values), at)
    assert found.low <= sorted(values)[max(0, -(-len(values) * round(at * 100) // 100) - 1)] <= found.high
    assert found.low <= found.value <= found.high


def test_above_the_last_bucket_nothing_is_claimed() -> None:
    slow, quick = quantile(BucketCounts({"+Inf": 100}), 0.5), quantile(BucketCounts({"1": 100}), 0.5)
    assert difference(slow, slow).low < 0 < difference(slow, slow).high
    assert difference(quick, slow).low > 0, "slower than any bound is slower than a second"
    assert difference(slow, quick).high < 0


async def figures(database: Database, ago: timedelta, tenant_id: str | None = None) -> PeriodFigures:
    span = ReportPeriod(start=NOW - ago - timedelta(hours=1), end=NOW - ago + timedelta(hours=1))
    return await period_figures(database, span, tenant_id)


async def compared(database: Database) -> dict[str, Figure]:
    before = PeriodFigures.model_validate_json((await figures(database, EARLIER)).model_dump_json())
    return {each.name: each for each in compare_periods(before, await figures(database, LATER))}


async def test_a_change_is_found_in_each_figure(database: Database, rows: Rows) -> None:
    for ago, worse in ((EARLIER, False), (LATER, True)):
        await rows.runs(
            [
                {
                    "outcome": ("failed" if worse else "success") if n % 4 == 0 else "success",
                    "at": NOW - ago,
                    "seconds": (4.4 if worse else 0.9) + n % 7 / 100,
                    "quality": None if worse and n % 4 == 0 else (0.6 if worse else 0.9) + n % 5 / 100,
                    "cache_status": "hit" if n % 2 and not worse else "miss",
                }
                for n in range(600)
            ]
        )
        for number in range(40):
            await rows.charge(0.02 if worse else 0.001, ago=ago, item=f"{ago}-{number}")
    found = await compared(database)
    verdicts = {name: each.verdict for name, each in found.items()}
    for name in ("average latency", "P50 latency", "P95 latency", "P99 latency", "error rate"):
        assert verdicts[name] == "worse", name
    assert verdicts["cost per request"] == verdicts["cache hit rate"] == verdicts["quality score"] == "worse"
    assert verdicts["degradation rate"] == verdicts["LLM calls saved"] == "no clear difference"


async def test_equal_periods_have_no_clear_difference(database: Database, rows: Rows) -> None:
    for ago in (EARLIER, LATER):
        await rows.runs(
            [{"outcome": "success", "at": NOW - ago, "seconds": 1 + n % 9 / 9} for n in range(600)]
        )
    found = await compared(database)
    assert {found[name].verdict for name in ("average latency", "P99 latency", "error rate")} == {
        "no clear difference"
    }


async def test_too_little_data_says_so(database: Database, rows: Rows) -> None:
    await rows.runs([{"outcome": "success", "at": NOW - EARLIER, "seconds": 1.0} for _ in range(100)])
    await rows.runs([{"outcome": "success", "at": NOW - LATER, "seconds": 50.0} for _ in range(100)])
    found = await compared(database)
    assert (found["P95 latency"].verdict, found["P99 latency"].verdict) == ("worse", "too little data")
    assert found["cache hit rate"].verdict == "too little data"


async def test_a_baseline_is_of_one_tenant(database: Database, rows: Rows) -> None:
    await rows.run("failed", tenant_id="globex")
    await rows.run()
    assert (await figures(database, LATER, "acme")).requests.failed == 0
    assert (await figures(database, LATER)).requests.ended == 2


async def test_baselines_are_kept_by_name(database: Database) -> None:
    store = BaselineStore(database)
    stored = StoredBaseline("before", NOW, "{}")
    await store.add(stored)
    assert (await store.get("before"), await store.list()) == (stored, (stored,))
    with pytest.raises(Conflict, match="already"):
        await store.add(stored)
    await store.delete("before")
    for ask in (store.get, store.delete):
        with pytest.raises(NotFound, match="vital baseline list"):
            await ask("before")
