"""`vital report`."""

import json
from datetime import UTC, datetime, timedelta

import pytest


def test_an_engine_that_has_done_nothing_meets_no_target(vital, empty_dir):
    done = vital("report")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("no data") == 9
    assert "met" not in done.stdout
    assert "The day from" in done.stderr


def test_what_was_asked_is_in_the_report(vital, empty_dir):
    vital("ask", "How long?", "--tenant", "acme")
    report = json.loads(vital("report", "--json").stdout)
    errors = report["answers"][0]
    assert (errors["figure"], errors["verdict"]) == ("0 % (0 of 1 requests)", "met")
    of_another = json.loads(vital("report", "--json", "--tenant", "globex").stdout)
    assert of_another["answers"][0]["verdict"] == "no data"
    assert of_another["tenant_id"] == "globex"


@pytest.mark.parametrize(("period", "days"), [("day", 1), ("week", 7), ("month", 30)])
def test_a_period_ends_with_the_day_that_is_named(vital, empty_dir, period, days):
    done = vital("report", "--period", period, "--until", "2026-10-31", "--json")
    reported = json.loads(done.stdout)["period"]
    start, end = (datetime.fromisoformat(reported[name]) for name in ("start", "end"))
    assert end == datetime(2026, 11, 1, tzinfo=UTC)
    assert end - start == timedelta(days=days)


def test_it_is_markdown_where_that_is_wanted(vital, empty_dir):
    done = vital("report", "--markdown")
    assert done.stdout.startswith("# Report of a day: all tenants\n")
    assert done.stdout.count("| no data |") == 9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--markdown", "--json"), "choose one of them"),
        (("--until", "9999-01-01"), "this day has not come yet"),
        (("--until", "yesterday"), "%Y-%m-%d"),
        (("--period", "year"), "year"),
    ],
)
def test_wrong_usage_is_reported(vital, empty_dir, arguments, said):
    done = vital("report", *arguments)
    assert done.exit_code == 2
    assert said in done.output
