"""A report and the boards answer a question with the same figure, for a load with every kind of end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.ai_engine import failing_workflow
from tests.ai_engine.harness import asked
from tests.ai_engine.supervisor.engine import SLOW_PROVIDER, running_engine
from tests.llm.wires.servers import base, openai
from tests.prometheus import Prometheus, running_prometheus
from tests.store_database import store_url
from tests.vital_ops.panel_load import touch_everything

from ai_engine.report.period import Period
from ai_engine.report.result import Report
from vital_ops.config import DEFAULT_CONFIG
from vital_ops.promql import increase, ratio, scoped, sum_by
from vital_ops.report.report import make_report
from vital_ops.rules.groups import recordings
from vital_ops.rules.recording import (
    COST_OF_DAY,
    DEGRADATION_RATIO,
    DURATION,
    ERROR_RATIO,
    HIT_RATIO,
    MEAN_QUALITY,
)
from vital_shared.monitoring.metrics import LLM_CALLS_TOTAL
from vital_shared.store.database import Database

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240), pytest.mark.long]

ERRORS, SLOWEST, HITS, _, SAVED, DEAREST, QUALITY, DEGRADED, SUCCESS = range(9)

COUNTED = re.compile(r"(?:rate|increase)\(([^\[\]]+)\[\w+\]\)")
"""The growth of a counter in a window."""


def whole(expression: str) -> str:
    """Ask for all that a new engine has counted, which no scrape edge can cut."""
    return scoped(COUNTED.sub(r"\1", expression), DEFAULT_CONFIG.selector)


RECORDED = {
    (each.name, each.labels.get("quantile")): each.expr for each in recordings(DEFAULT_CONFIG.thresholds)
}


ENVIRONMENT = {
    "VITAL_RUN_TIMEOUT_SECONDS": "3",
    "VITAL_CACHE_ENTRIES": "8",
    "VITAL_WORKFLOW": f"failing={failing_workflow.__file__}:Failing",
}


async def fail(url: str, requests: int) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for _ in range(requests):
            response = await client.post("/v1/workflows/failing/runs", json=asked("What of it?", model=None))
            assert response.status_code == 500, response.text


class Both:
    """The report on a load, and the Prometheus that has seen it."""

    def __init__(self, report: Report, prometheus: Prometheus) -> None:
        self.report = report
        self._prometheus = prometheus

    async def recorded(self, name: str, quantile: str | None = None) -> float:
        return await self._prometheus.value(whole(RECORDED[name, quantile]))

    async def asked(self, expression: str) -> float:
        return await self._prometheus.value(whole(expression))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    folder: Path = tmp_path_factory.mktemp("engine")
    quick, hangs = openai.stream(openai.TEXT), openai.stream([*openai.TEXT[:3], asyncio.Event()])
    async with base.serve(quick) as a, base.serve(hangs) as b, base.serve(openai.error(500)) as c:
        servers = {"quick": a, "hangs": b, "broken": c}
        providers = [
            SLOW_PROVIDER.replace("slow", name).format(url=each.url) for name, each in servers.items()
        ]
        (folder / "vital.toml").write_text("\n".join(providers))
        async with (
            running_engine(folder, 2, **ENVIRONMENT) as engine,
            running_prometheus(
                tmp_path_factory.mktemp("prometheus"), engine.url.removeprefix("http://")
            ) as prometheus,
        ):
            await touch_everything(engine.url, 0, 60)
            await fail(engine.url, 3)
            await prometheus.until("sum(vital_workflow_active)", lambda active: active == 0)
            await asyncio.sleep(3)  # the engine writes each second, which has no sign outside
            await prometheus.scraped()
            database = Database(store_url(folder))
            now = datetime.now(UTC)
            report = await make_report(database, Period.until(now + timedelta(seconds=1), "day"), now=now)
            await database.aclose()
            yield Both(report, prometheus)


async def test_every_figure_of_the_report_is_that_of_the_rules_and_boards(both: Both) -> None:
    value = [answer.value for answer in both.report.answers]
    assert 0 < (value[ERRORS] or 0) < 1, "the load has failures"
    assert 0 < (value[HITS] or 0) < 1, "the load has hits and misses"
    assert value[ERRORS] == pytest.approx(await both.recorded(ERROR_RATIO))
    assert value[SUCCESS] == pytest.approx(1 - await both.recorded(ERROR_RATIO))
    assert value[HITS] == pytest.approx(await both.recorded(HIT_RATIO))
    assert value[DEGRADED] == pytest.approx(await both.recorded(DEGRADATION_RATIO))
    assert value[QUALITY] == pytest.approx(await both.recorded(MEAN_QUALITY))
    assert value[SLOWEST] == pytest.approx(await both.recorded(DURATION, "0.95"))
    assert value[DEAREST] == pytest.approx(await both.recorded(COST_OF_DAY))
    spared, all_calls = (increase(LLM_CALLS_TOTAL, "5m", **part) for part in ({"cached": "true"}, {}))
    assert value[SAVED] == pytest.approx(await both.asked(ratio(sum_by(spared), sum_by(all_calls))))
