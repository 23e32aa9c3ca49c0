"""SuddenCostSpike over three weeks with office hours and weekends: it fires for a spike, and for nothing else."""

import asyncio
import math
import random
import subprocess
import time
from datetime import UTC, datetime

import aiohttp
import pytest
from tests.prometheus import running_prometheus

from vital_ops.backtest.backtest import Tested as Outcome
from vital_ops.backtest.backtest import backtest, unmet, write_thresholds
from vital_ops.backtest.firings import Firing
from vital_ops.backtest.history import History
from vital_ops.config import DEFAULT_CONFIG
from vital_ops.stack.programs import PROMTOOL, find_program

STEP_MINUTES = 2
DAY = 24 * 60
WEEK = 7 * DAY
NIGHT, OFFICE = 0.6, 9.0
"""Dollars an hour."""
SPIKE = 60.0
EARLIER = 1 * WEEK + 1 * DAY + 14 * 60
LATER = 2 * WEEK + 3 * DAY + 11 * 60 + 20
SPIKE_MINUTES = 40


def dollars_per_hour(minute: int) -> float:
    """Return the pace of spending; the first day is a Monday."""
    day, of_day = divmod(minute, DAY)
    if any(began <= minute < began + SPIKE_MINUTES for began in (EARLIER, LATER)):
        return SPIKE
    if day % 7 >= 5:
        return NIGHT
    hour = of_day / 60
    busy = 1 / (1 + math.exp(-(hour - 8.75) * 8)) - 1 / (1 + math.exp(-(hour - 17.5) * 3))
    return NIGHT + (OFFICE - NIGHT) * busy


def openmetrics(start: int) -> str:
    noise = random.Random(7)
    spent, lines = 0.0, ["# TYPE vital_cost_overall_dollars counter"]
    for minute in range(0, 3 * WEEK, STEP_MINUTES):
        spent += dollars_per_hour(minute) / 60 * STEP_MINUTES * noise.uniform(0.8, 1.2)
        series = 'vital_cost_overall_dollars_total{job="vital",mode="2",cost_type="llm"}'
        lines.append(f"{series} {spent:.6f} {start + 60 * minute}")
    return "\n".join([*lines, "# EOF\n"])


async def test_an_alert_fires_once_for_each_spike_and_on_no_office_morning(tmp_path):
    monday = int(time.time()) // 86_400 * 86_400 - 22 * 86_400  # which weekday it is does not matter
    (tmp_path / "weeks.txt").write_text(openmetrics(monday))
    await asyncio.to_thread(
        subprocess.run,
        [
            *(find_program(PROMTOOL), "tsdb", "create-blocks-from", "openmetrics"),
            *(tmp_path / "weeks.txt", tmp_path / "prometheus"),
        ],
        check=True,
        capture_output=True,
    )
    async with running_prometheus(tmp_path, "127.0.0.1:1") as prometheus, aiohttp.ClientSession() as client:
        url = str(prometheus._client.base_url).rstrip("/")
        # The first week is what the others are compared with.
        history = History(client, url, monday + 60 * WEEK, monday + 60 * (3 * WEEK - 1), 300)
        tested = {each.alert: each for each in await backtest(history, DEFAULT_CONFIG, None)}
    began = [(firing.began.timestamp() - monday) / 60 for firing in tested["SuddenCostSpike"].firings]
    assert len(began) == 2, [f"day {minute // DAY:.0f}, {minute % DAY / 60:.1f} h" for minute in began]
    for minute, spike in zip(began, (EARLIER, LATER), strict=True):
        assert spike + 10 <= minute <= spike + 25


@pytest.mark.parametrize(("fired", "suggested"), [(8, None), (0, None)])
def test_a_backtest_says_which_alert_does_not_fire_as_often_as_is_wanted(fired, suggested):
    firings = [Firing(datetime.now(UTC), 60)] * fired
    spike = Outcome("SuddenCostSpike", DEFAULT_CONFIG.threshold("SuddenCostSpike"), firings, suggested)
    calm = Outcome("HighLatency", DEFAULT_CONFIG.threshold("HighLatency"), firings[:1] * 1, None)
    text = write_thresholds([spike], 1)
    assert f"SuddenCostSpike fired {fired} times in place of 1" in text
    assert "as often as is wanted" not in text
    assert unmet([spike, calm], None) == []
    assert "as often as is wanted" not in write_thresholds([calm], None)


def test_a_backtest_says_that_all_is_as_wanted_when_it_is():
    once = [Firing(datetime.now(UTC), 60)]
    tested = [Outcome("HighLatency", DEFAULT_CONFIG.thresholds["HighLatency"], once, None)]
    assert write_thresholds(tested, 1) == "# All alerts fire as often as is wanted.\n"
