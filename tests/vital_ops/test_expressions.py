"""Expressions evaluate themselves exactly as Prometheus evaluates their text, on the same samples."""

from __future__ import annotations

import asyncio
import math
import re
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest
import pytest_asyncio
from tests.prometheus import Prometheus, running_prometheus
from tests.vital_ops.random_samples import TARGET, openmetrics, random_samples

from vital_ops.backtest.inlining import inlined
from vital_ops.config import DEFAULT_CONFIG
from vital_ops.dashboards.boards import boards
from vital_ops.expressions.evaluation import INTERVAL, RANGE, Evaluation, Samples
from vital_ops.expressions.expression import NotEvaluable, QueryExpression, Recorded, part
from vital_ops.promql import rate, scoped, sum_by
from vital_ops.rules.groups import EVERY_ALERT, recordings
from vital_ops.rules.recording import BUDGET_USED, HIT_RATIO_BY_MODE, TENANT_REQUESTS
from vital_ops.rules.slos import OBJECTIVES, SPEEDS, burns, slo_recordings
from vital_ops.stack.programs import PROMTOOL, find_program, find_prometheus_3
from vital_shared.monitoring.metrics import WORKFLOW_REQUESTS_TOTAL

CONFIG = DEFAULT_CONFIG
SCRAPES, GAP_MS = 180, 10_000
STEPS, STEP_SECONDS = 11, 130

RECORDINGS = [*recordings(CONFIG.thresholds), *slo_recordings()]
BY_NAME: dict[str, list[Recorded]] = {}
for each in RECORDINGS:
    BY_NAME.setdefault(each.name, []).append(Recorded(each.expr, each.labels))

PANELS = {
    f"{board.uid} {panel.key} {number}": query.expr
    for board in boards(CONFIG)
    for panel in board.all_panels
    for number, query in enumerate(panel.queries)
}
RECORDED = {f"{rule.name} {number}": rule.expr for number, rule in enumerate(RECORDINGS)}
CONDITIONS = {alert.key: alert.condition(CONFIG.threshold(alert.key)) for alert in EVERY_ALERT}
BURNS = {f"{each.name}{speed.suffix}": burns(each, speed) for each in OBJECTIVES for speed in SPEEDS}
OF_RULES = {"quantile", "slo", "window"}
"""Labels that rules give, which their expressions alone do not have."""

OF_OTHERS = {"EngineDown", "ReplicaDown", "NotificationsFailing"}
"""Alerts that Prometheus alone can judge."""

EXPRESSIONS = PANELS | RECORDED | BURNS | {k: v for k, v in CONDITIONS.items() if k not in OF_OTHERS}


@dataclass
class Both:
    """The same samples, in Prometheus and at hand."""

    prometheus: Prometheus
    evaluation: Evaluation

    async def by_prometheus(self, expr: str) -> dict[tuple[float, frozenset[tuple[str, str]]], float]:
        """Evaluate the text at all times, with what rules would have recorded in its place."""
        expr = expr.replace(INTERVAL, "4m").replace(RANGE, "13m")
        for _ in range(2):  # what is recorded may be of what is recorded
            expr = inlined(without_matchers(expr), RECORDINGS)
        text = scoped(expr, 'job="vital"').replace(":]", ":10s]")
        text = re.sub(r'=~"\$\w+"', '=~".*"', text)
        begin, end = (float(at) / 1000 for at in self.evaluation.times[[0, -1]])
        return await self.prometheus.query_range(text, begin, end, STEP_SECONDS)

    def by_ourselves(self, expr: QueryExpression) -> dict[tuple[float, frozenset[tuple[str, str]]], float]:
        found = expr.evaluate(self.evaluation)
        return {
            (at / 1000, frozenset(item for item in labels.items() if item[0] not in OF_RULES)): float(
                found.values[row, column]
            )
            for row, labels in enumerate(found.labels)
            for column, at in enumerate(self.evaluation.times)
            if found.present[row, column]
        }


def without_matchers(expr: str) -> str:
    """Move conditions on labels of what is recorded into what it is recorded of."""
    for name in (HIT_RATIO_BY_MODE, BUDGET_USED):
        expr = re.sub(rf'{name}\{{\w+=~"\$\w+"\}}', name, expr)
    requests, [rule] = WORKFLOW_REQUESTS_TOTAL.name, BY_NAME[TENANT_REQUESTS]
    for found in set(re.findall(rf"{TENANT_REQUESTS}\{{([^}}]+)\}}", expr)):
        filtered = rule.expression.replace(f"{requests}{{$scope}}", f"{requests}{{$scope,{found}}}")
        expr = expr.replace(f"{TENANT_REQUESTS}{{{found}}}", f"({filtered})")
    return expr


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[1, 2])
async def both(request, tmp_path_factory) -> AsyncIterator[Both]:
    folder = tmp_path_factory.mktemp("samples")
    start = (int(time.time()) - 7_200) // 60 * 60_000
    times = [start + GAP_MS * step for step in range(SCRAPES)]
    samples = random_samples(EXPRESSIONS.values(), times, seed=request.param)
    (folder / "samples.txt").write_text(openmetrics(samples))
    command = [find_program(PROMTOOL), "tsdb", "create-blocks-from", "openmetrics"]
    command += [folder / "samples.txt", folder / "prometheus"]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    ends = start + 300_003 + STEP_SECONDS * 1000 * np.arange(STEPS)
    evaluation = Evaluation(
        samples=Samples(samples, TARGET),
        times=ends,
        interval_ms=240_000,
        range_ms=780_000,
        recordings=BY_NAME,
    )
    async with running_prometheus(folder, "127.0.0.1:1", find=find_prometheus_3) as prometheus:
        yield Both(prometheus, evaluation)


@pytest.mark.asyncio(loop_scope="module")
async def test_expressions_have_the_values_that_prometheus_computes(both):
    wrong = {}
    for name, expr in EXPRESSIONS.items():
        theirs, ours = await both.by_prometheus(expr), both.by_ourselves(expr)
        same = set(ours) == set(theirs) and all(is_same(ours[key], value) for key, value in theirs.items())
        if not same:
            wrong[name] = (str(expr), sorted(set(ours.items()) ^ set(theirs.items()), key=str)[:6])
    assert wrong == {}, "\n".join(f"{k}: {v}" for k, v in wrong.items())


def is_same(one: float, other: float) -> bool:
    return (math.isnan(one) and math.isnan(other)) or one == pytest.approx(other, rel=1e-9, abs=1e-9)


def test_every_query_of_panels_and_rules_can_be_evaluated_here():
    assert [name for name, expr in (PANELS | RECORDED | BURNS).items() if not part(expr).is_evaluable] == []
    assert {name for name, expr in CONDITIONS.items() if not part(expr).is_evaluable} == OF_OTHERS


@pytest.mark.asyncio(loop_scope="module")
async def test_a_text_of_somebody_elses_is_for_prometheus_alone(both):
    mixed = sum_by(f"abs({rate(WORKFLOW_REQUESTS_TOTAL, '5m')})")
    with pytest.raises(NotEvaluable, match="Only Prometheus"):
        mixed.evaluate(both.evaluation)
