"""The manager's questions, answered from rows that the test has written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.vital_ops.conftest import NOW, Rows

from ai_engine.report.period import Period
from ai_engine.report.result import Report, ReportAnswer
from vital_ops.report.markdown import to_markdown
from vital_ops.report.report import make_report
from vital_shared.store.database import Database

DAY = Period.until(NOW, "day")
ERRORS, SLOWEST, HITS, BUDGETS, SAVED, DEAREST, QUALITY, DEGRADED, SUCCESS = range(9)

BEFORE = timedelta(hours=30)


async def answers(database: Database, period: Period = DAY, **options: Any) -> tuple[ReportAnswer, ...]:
    return (await make_report(database, period, now=NOW, **options)).answers


async def reported(database: Database, number: int, **options: Any) -> tuple[str, str]:
    answer = (await answers(database, **options))[number]
    return answer.figure, answer.verdict


async def test_without_any_data_nothing_is_met(database: Database) -> None:
    report = await make_report(database, DAY, now=NOW)
    assert {answer.verdict for answer in report.answers} == {"no data"}
    assert {answer.value for answer in report.answers} == {None}
    assert (report.tenants, report.budgets) == ((), ())


@pytest.mark.parametrize(
    ("failed", "figure", "verdict"),
    [
        (0, "0 % (0 of 100 requests)", "met"),
        (1, "1 % (1 of 100 requests)", "met"),
        (2, "2 % (2 of 100 requests)", "missed"),
    ],
)
async def test_the_error_rate_has_to_be_below_its_target(
    database: Database, rows: Rows, failed: int, figure: str, verdict: str
) -> None:
    for number in range(100):
        await rows.run("failed" if number < failed else "degraded" if number > 50 else "success")
    assert await reported(database, ERRORS) == (figure, verdict)


async def test_cancelled_and_rejected_requests_are_no_errors(database: Database, rows: Rows) -> None:
    for outcome in ("success", "cancelled", "rejected"):
        await rows.run(outcome)
    assert await reported(database, ERRORS) == ("0 % (0 of 1 requests)", "met")
    assert await reported(database, SUCCESS) == ("100 % (1 of 1 requests)", "met")


async def test_only_what_ended_in_the_period_counts(database: Database, rows: Rows) -> None:
    await rows.run("failed", ago=timedelta(0))
    await rows.run(ago=timedelta(microseconds=1))
    await rows.run(ago=timedelta(days=1))
    await rows.run("failed", ago=timedelta(days=1, microseconds=1))
    assert await reported(database, ERRORS) == ("0 % (0 of 2 requests)", "met")


async def test_a_tenant_sees_its_own_figures(database: Database, rows: Rows) -> None:
    await rows.run("failed", tenant_id="globex")
    await rows.run()
    await rows.charge(5, tenant_id="globex")
    await rows.charge(0, tenant_id="globex", run_id=None, calls=9, hits=9)
    await rows.charge(1)
    await rows.budget("globex", 1, None, d11_25=5)
    await rows.budget("acme", 2, None, d11_25=1)
    report = await make_report(database, DAY, now=NOW, tenant_id="acme")
    assert report.answers[ERRORS].value == 0
    assert report.answers[SAVED].value == 0
    assert report.answers[HITS].verdict == "no data"
    assert [each.tenant_id for each in report.tenants] == ["acme"]
    assert [each.tenant_id for each in report.budgets] == ["acme"]


async def test_the_latency_has_to_be_below_five_seconds(database: Database, rows: Rows) -> None:
    for seconds in (1.0,) * 93 + (4.5,) * 3 + (60.0,) * 4:
        await rows.run(seconds=seconds)
    assert await reported(database, SLOWEST) == ("4.67 s", "met")
    await rows.run(seconds=5.1)
    await rows.run(seconds=5.1)
    assert (await reported(database, SLOWEST))[1] == "missed"


async def test_runs_whose_duration_is_not_known_are_not_guessed(database: Database, rows: Rows) -> None:
    await rows.run(seconds=None, quality=None)
    assert await reported(database, SLOWEST) == ("-", "no data")
    assert (await answers(database))[QUALITY].verdict == "no data"


async def test_hits_are_a_share_of_the_requests_that_the_cache_could_answer(
    database: Database, rows: Rows
) -> None:
    for mode, status in (("1", "hit"), ("2", "hit"), ("2", "hit"), ("1", "miss"), ("2", "miss")):
        await rows.run(mode=mode, cache_status=status)
    for mode, status in (("3", "miss"), ("4", "miss"), ("2", "bypass")):
        await rows.run(mode=mode, cache_status=status)
    assert await reported(database, HITS) == ("60 % (3 of 5 look-ups)", "missed")
    await rows.run("degraded", cache_status="hit")
    assert await reported(database, HITS) == ("66.7 % (4 of 6 look-ups)", "met")


async def test_calls_that_the_cache_spared_are_a_share_of_all_that_were_wanted(
    database: Database, rows: Rows
) -> None:
    await rows.charge(run_id=None, hits=3, calls=7)
    for status in ("success", "failed", "cancelled"):
        await rows.charge(1, status=status)
    await rows.charge(1, cost_type="tools")
    assert await reported(database, SAVED) == ("70 % (7 of 10 calls)", "met")
    await rows.charge(1, ago=BEFORE)
    assert await reported(database, SAVED) == ("70 % (7 of 10 calls)", "met")


async def test_the_most_expensive_tenants_are_exact_to_the_last_digit(database: Database, rows: Rows) -> None:
    await rows.charge(0.000000001, tenant_id="tiny")
    await rows.charge(1.5, tenant_id="acme")
    await rows.charge(1.5, tenant_id="acme", cost_type="tools")
    await rows.charge(1, tenant_id="globex", ago=timedelta(hours=23))
    await rows.charge(100, tenant_id="old", ago=BEFORE)
    report = await make_report(database, DAY, now=NOW)
    assert [(each.tenant_id, each.dollars) for each in report.tenants] == [
        ("acme", Decimal(3)),
        ("globex", Decimal(1)),
        ("tiny", Decimal("0.000000001")),
    ]
    assert report.answers[DEAREST].figure == "$4.000000001 in all, most by acme (75 %)"
    assert report.answers[DEAREST].verdict == "none"


async def test_a_period_that_cost_nothing_says_so(database: Database, rows: Rows) -> None:
    await rows.charge(0)
    assert (await reported(database, DEAREST))[0] == "$0 in all, most by acme (0 %)"


async def test_ten_tenants_are_named(database: Database, rows: Rows) -> None:
    for number in range(12):
        await rows.charge(number, tenant_id=f"t{number:02}")
    report = await make_report(database, DAY, now=NOW)
    assert [each.tenant_id for each in report.tenants] == [f"t{n:02}" for n in range(11, 1, -1)]


async def test_who_has_spent_its_budget_to_the_last_digit_is_not_over(database: Database, rows: Rows) -> None:
    await rows.budget("acme", 1, 3, d11_24=1, d11_25=1, d11_01=1)
    assert await reported(database, BUDGETS) == ("0 of 1 tenants over", "met")
    await rows.budget("globex", 1, None, d11_25=1.000000001)
    await rows.budget("initech", None, 3, d11_02=2, d11_24=1.000000001)
    assert await reported(database, BUDGETS) == ("2 of 3 tenants over", "missed")


async def test_budgets_are_those_of_the_days_and_the_month_that_the_period_touches(
    database: Database, rows: Rows
) -> None:
    await rows.budget("acme", 10, 100, d10_31=50, d11_20=7, d11_24=3, d11_25=4, d11_26=90)
    for period, highest in (("day", 4), ("week", 7), ("month", 50)):
        report = await make_report(database, Period.until(NOW, period), now=NOW)
        (use,) = report.budgets
        assert (use.highest_day_dollars, use.month_dollars) == (highest, 14)
        assert use.is_over is (period == "month")


async def test_a_whole_day_touches_no_other(database: Database, rows: Rows) -> None:
    await rows.budget("acme", 1, None, d11_23=5, d11_24=1, d11_25=5)
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    (use,) = (await make_report(database, Period.until(midnight, "day"), now=NOW)).budgets
    assert use.highest_day_dollars == 1


async def test_a_budget_of_nothing_is_over_with_the_first_charge(database: Database, rows: Rows) -> None:
    await rows.budget("acme", 0, None)
    assert await reported(database, BUDGETS) == ("0 of 1 tenants over", "met")
    await rows.budget("globex", 0, None, d11_25=0.000000001)
    report = await make_report(database, DAY, now=NOW)
    assert [(use.tenant_id, use.is_over) for use in report.budgets] == [("globex", True), ("acme", False)]


async def test_a_rate_limit_alone_is_no_budget(database: Database, rows: Rows) -> None:
    await rows.budget("acme", None, None)
    assert await reported(database, BUDGETS) == ("no tenant has a budget", "no data")


@pytest.mark.parametrize(("before", "verdict"), [(0.7, "met"), (0.8, "met"), (0.9, "missed")])
async def test_quality_is_compared_with_the_period_before(
    database: Database, rows: Rows, before: float, verdict: str
) -> None:
    await rows.run(quality=0.7)
    await rows.run(quality=0.9)
    await rows.run("failed")
    await rows.run(quality=before, ago=BEFORE)
    await rows.run(quality=0.1, ago=timedelta(hours=49))
    answer = (await answers(database))[QUALITY]
    assert (answer.value, answer.before, answer.verdict) == (pytest.approx(0.8), before, verdict)
    assert answer.figure == f"0.800, before {before:.3f}"


@pytest.mark.parametrize(("degraded", "verdict"), [(1, "missed"), (2, "met"), (3, "met")])
async def test_degradation_is_compared_with_the_period_before(
    database: Database, rows: Rows, degraded: int, verdict: str
) -> None:
    for number in range(4):
        await rows.run("degraded" if number < 2 else "success")
        await rows.run("degraded" if number < degraded else "success", ago=BEFORE)
    answer = (await answers(database))[DEGRADED]
    assert (answer.figure, answer.verdict) == (f"50 %, before {25 * degraded} %", verdict)


async def test_a_trend_needs_a_period_before(database: Database, rows: Rows) -> None:
    await rows.run()
    made = await answers(database)
    assert [made[number].verdict for number in (QUALITY, DEGRADED)] == ["no data"] * 2
    assert made[QUALITY].figure == "1.000, before -"


@pytest.mark.parametrize(("failed", "verdict"), [(1, "met"), (2, "missed")])
async def test_a_degraded_answer_is_a_success_and_95_of_100_are_enough(
    database: Database, rows: Rows, failed: int, verdict: str
) -> None:
    for number in range(20):
        await rows.run("failed" if number < failed else "degraded")
    answer = (await answers(database))[SUCCESS]
    assert (answer.value, answer.verdict) == ((20 - failed) / 20, verdict)


def test_periods_follow_each_other_without_a_gap() -> None:
    for name, days in (("day", 1), ("week", 7), ("month", 30)):
        period = Period.until(NOW, name)
        assert period.end - period.start == timedelta(days=days)
        assert (period.before.end, period.before.name) == (period.start, name)
    assert (DAY.first_day, DAY.last_day, DAY.month) == ("2026-11-24", "2026-11-25", "2026-11")


async def test_a_report_is_read_back_from_its_json(database: Database, rows: Rows) -> None:
    await rows.run()
    await rows.charge(0.1)
    await rows.budget("acme", 1, None, d11_25=0.1)
    report = await make_report(database, DAY, now=NOW)
    written = report.model_dump_json()
    assert '"dollars":"0.1"' in written
    assert Report.model_validate_json(written) == report


async def test_markdown_is_tables_that_a_tenants_name_cannot_break(database: Database, rows: Rows) -> None:
    await rows.charge(2, tenant_id="a|b\n# <script>")
    await rows.budget("a|b\n# <script>", 1, None, d11_25=2)
    text = to_markdown(await make_report(database, DAY, now=NOW))
    lines = text.splitlines()
    assert lines[:3] == [
        "# Report of a day: all tenants",
        "",
        "From 2026-11-24 12:00 to 2026-11-25 12:00 UTC.",
    ]
    assert [line for line in lines if line.startswith("## ")] == [
        "## Performance",
        "## Cost",
        "## Trends",
        "## Most expensive tenants",
        "## Budgets",
        "## Month-end forecast",
        "## Forecast by tenant",
    ]
    assert "| Is the error rate below 2 %? | - | \\< 2 % | no data |" in lines
    assert "| a\\|b # \\<script\\> | $2 | 100.0 % |" in lines
    assert "| a\\|b # \\<script\\> | $2 of $1 | $2 | over |" in lines
