"""A report on runs that the engine has really made."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ai_engine.report.period import Period
from vital_ops.report.report import make_report
from vital_shared import BaseWorkflow, node
from vital_shared.errors import RunFailed
from vital_shared.models.answer import Answer
from vital_shared.testing import CannedModel, CannedSource, passage, question, workflow_services

PRICED = "openai:gpt-4o"


async def test_the_report_has_what_the_answers_have(tmp_path: Path) -> None:
    class Broken(BaseWorkflow):
        @node
        async def broken(self, answer: Answer) -> str:
            raise ValueError(answer.text)

    models = [CannedModel("42 days [1].", name=PRICED), CannedModel(name="broken")]
    sources = [CannedSource([passage("The review takes 42 days.")])]
    async with workflow_services(tmp_path, models=models, sources=sources) as services:
        workflow = BaseWorkflow(services)
        outputs = [
            await workflow.execute_typed(question("How long?", model=PRICED, tenant_id=tenant))
            for tenant in ("acme", "acme", "globex")
        ]
        with pytest.raises(RunFailed):
            await Broken(services).execute_typed(question("How long?", model="broken"))
        await services.request_counts.flush()
        now = services.now()
        period = Period.until(now + timedelta(seconds=1), "day")
        report = await make_report(services.database, period, now=now)
    errors, slowest, hits, _, saved, dearest, quality, degraded, success = report.answers
    assert errors.figure == "25 % (1 of 4 requests)"
    assert success.figure == "75 % (3 of 4 requests)"
    assert slowest.value is not None
    assert slowest.value > 0
    assert (hits.verdict, saved.figure) == ("no data", "0 % (0 of 4 calls)")  # the broken one went out too
    assert quality.value == pytest.approx(sum(output.quality_score for output in outputs) / 3)
    assert degraded.value == sum(output.is_degraded for output in outputs) / 4
    total = sum(output.cost.total for output in outputs)
    assert total > 0
    assert dearest.figure.startswith(f"${total:f} in all, most by acme (66.7 %)")
    assert sum(each.dollars for each in report.tenants) == total
