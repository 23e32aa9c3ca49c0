"""A running Prometheus over an engine that misses scrapes, restarts, has a wrong clock, is away, and is idle then."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.prometheus import Prometheus, running_prometheus

from vital_ops.config import DEFAULT_CONFIG, scaled
from vital_ops.rules.files import rule_files
from vital_ops.stack.programs import find_program, find_prometheus_3
from vital_ops.stack.stack import HOST
from vital_ops.thresholds import numbers

SECONDS = 100

FAST = scaled(DEFAULT_CONFIG, 20, longest=60)
"""Five minutes are fifteen seconds."""

RULES = rule_files(
    FAST.model_copy(update={"thresholds": {**FAST.thresholds, "EngineDown": numbers(1, "1m", "10s")}})
)
"""Rules for which four seconds without a scrape are no outage, so that a busy machine makes none."""

REQUESTS = 10
"""Requests between two scrapes; a fifth of them fail, and all take half a minute or more."""

CLOCK_AHEAD_SECONDS = 3_600

MISSED_EVERY = 10
"""Scrapes of which one fails, as those of an overloaded engine do."""


class Engine:
    """An engine whose metrics the test sets."""

    def __init__(self) -> None:
        self.address = ""
        self.is_busy = True
        self.is_there = True
        self._scrapes = 0
        self._counted = 0
        self._begun = time.time() + CLOCK_AHEAD_SECONDS

    def restart(self) -> None:
        """Let all counters begin anew."""
        self._counted = 0

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer a scrape."""
        if not self.is_there:
            return web.Response(status=503)
        self._counted += REQUESTS if self.is_busy else 0
        self._scrapes += 1
        if self.is_busy and self._scrapes % MISSED_EVERY == 0:
            return web.Response(status=503)
        shown = "".join(f"{line}\n" for line in self._lines())
        text = f"{shown}# EOF\n"
        kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        return web.Response(body=text.encode(), headers={"Content-Type": kind})

    def _lines(self) -> list[str]:
        requests, seconds = "vital_workflow_requests_overall", "vital_workflow_duration_seconds"
        known = 'mode="2",cache_status="miss",execution="parallel"'
        failed = self._counted // 5
        exemplar = f' # {{run_id="one"}} 40 {time.time() + CLOCK_AHEAD_SECONDS:.3f}' if self._counted else ""
        return [
            f"# TYPE {requests} counter",
            f'{requests}_total{{mode="2",outcome="success"}} {self._counted - failed}',
            f'{requests}_total{{mode="2",outcome="failed"}} {failed}',
            f"# TYPE {seconds} histogram",
            *(f'{seconds}_bucket{{{known},le="{le}"}} 0' for le in ("10.0", "30.0")),
            *(f'{seconds}_bucket{{{known},le="{le}"}} {self._counted}{exemplar}' for le in ("60.0", "+Inf")),
            f"{seconds}_count{{{known}}} {self._counted}",
            f"{seconds}_sum{{{known}}} {40 * self._counted}",
            "# TYPE process_start_time_seconds gauge",
            f"process_start_time_seconds {self._begun:.3f}",
        ]


@asynccontextmanager
async def running() -> AsyncIterator[Engine]:
    engine = Engine()
    app = web.Application()
    app.router.add_get("/metrics", engine.metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    engine.address = f"{HOST}:{runner.addresses[0][1]}"
    try:
        yield engine
    finally:
        await runner.cleanup()


async def seen(prometheus: Prometheus, name: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until an alert is as it should be; gives it."""
    while not wanted(alert := await prometheus.alert(name)):  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.1)
    return alert


def is_pending(alert: dict[str, Any]) -> bool:
    return alert.get("state") == "pending"


def fires(alert: dict[str, Any]) -> bool:
    return alert.get("state") == "firing"


@pytest.mark.timeout(SECONDS + 20)
async def test_an_alert_has_its_time_and_a_number_whatever_happens_to_its_engine(tmp_path):
    versions = {"2": find_program, "3": find_prometheus_3}
    for name in versions:
        (tmp_path / name).mkdir()
    watched = await asyncio.gather(*(see_through(tmp_path / name, find) for name, find in versions.items()))
    for values in watched:
        assert values
        assert not [value for value in values if not 30 < float(value) <= 60]


async def see_through(folder: Path, find: Callable[[tuple[str, ...]], Path]) -> list[str]:
    """Let one Prometheus watch an engine that misses scrapes, restarts, is away for longer than a window, and is idle.

    Gives the values of VeryHighLatency after the outage.
    """
    pace = {"scrape": "1s", "evaluation": "500ms"}
    async with (
        asyncio.timeout(SECONDS),
        running() as engine,
        running_prometheus(folder, engine.address, RULES, find=find, **pace) as prometheus,
    ):
        pending = await seen(prometheus, "HighErrorRate", is_pending)
        slow = await seen(prometheus, "VeryHighLatency", is_pending)
        engine.restart()
        await prometheus.until("sum(resets(vital_workflow_duration_seconds_count[15s]))", bool)
        assert (await seen(prometheus, "HighErrorRate", fires))["activeAt"] == pending["activeAt"]
        assert (await seen(prometheus, "VeryHighLatency", fires))["activeAt"] == slow["activeAt"]

        engine.is_there = engine.is_busy = False
        engine.restart()
        # The outage is longer than the window: nothing is left of what was counted before.
        await prometheus.until("1 - max_over_time(vital:engines_up:count[15s])", bool)
        engine.is_there = True
        await prometheus.scraped()
        values = list[str]()
        while late := await prometheus.alert("VeryHighLatency"):
            assert late["activeAt"] == slow["activeAt"]
            values.append(late["value"])
            await asyncio.sleep(0.1)
        assert not await prometheus.query("vital:workflow_duration_seconds:quantile")
        assert not [
            value
            for value in (await prometheus.query('{__name__=~"vital:.*"}')).values()
            if math.isnan(value) or value < 0
        ]
        await seen(prometheus, "HighErrorRate", lambda alert: not alert)
        return values
