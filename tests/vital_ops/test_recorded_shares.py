"""Recorded shares are shares from the first request on, of any tenant."""

import re
import subprocess

import pytest
from tests.vital_ops.mutation.mutants import every_alert, rule_set
from tests.vital_ops.test_contributors import ALIVE, of_engine

from vital_ops.rules.files import rule_files
from vital_ops.rules.recording import DEGRADATION_RATIO
from vital_ops.rules.rule import write_yaml
from vital_ops.stack.programs import PROMTOOL, find_program, find_prometheus_3
from vital_shared.monitoring.instrument import Gauge
from vital_shared.monitoring.metrics import (
    CATALOGUE,
    OUTCOME,
    TENANT,
    WORKFLOW_REQUESTS_OVERALL_TOTAL,
    WORKFLOW_REQUESTS_TOTAL,
)
from vital_shared.monitoring.tracking import track_workflow_execution


@pytest.mark.parametrize("key", every_alert())
def test_what_alerts_read_over_all_tenants_exists_from_the_start(key):
    """The first requests of a new tenant are in the first sample of its series, which is no growth."""
    rules = rule_set(key)
    read = " ".join(rule["expr"] for rule in (rules.alert, *rules.recordings))
    born = {
        each.name
        for each in CATALOGUE
        if not isinstance(each, Gauge) and TENANT in each.label_set and re.search(rf"\b{each.name}\b", read)
    }
    assert born == ({WORKFLOW_REQUESTS_TOTAL.name} if key == "TenantAvailability" else set())


def test_requests_are_counted_over_all_tenants_as_by_tenant():
    def total(metric):
        return sum(metric.counted_by(OUTCOME).values())

    before = total(WORKFLOW_REQUESTS_TOTAL), total(WORKFLOW_REQUESTS_OVERALL_TOTAL)
    for outcome in OUTCOME.values:
        track_workflow_execution("2", outcome, 0.5, tenant_id="a-new-tenant")
    after = total(WORKFLOW_REQUESTS_TOTAL), total(WORKFLOW_REQUESTS_OVERALL_TOTAL)
    assert [now - then for now, then in zip(after, before, strict=True)] == [len(OUTCOME.values)] * 2


@pytest.mark.parametrize("find", [find_program, find_prometheus_3])
def test_degradations_are_no_more_than_all_requests_when_the_first_come_from_a_new_tenant(tmp_path, find):
    (tmp_path / "recording.yml").write_text(rule_files()["recording.yml"])
    burst = "20+1x10"
    series = ALIVE | {
        of_engine(
            "vital_workflow_requests_total", mode="1", tenant_id="new", outcome="degraded"
        ): f"_x5 {burst}",
        of_engine("vital_degraded_responses_total", mode="1", answerable="true"): f"0x5 {burst}",
        of_engine("vital_quality_score_count", mode="1", answerable="true"): f"0x5 {burst}",
        of_engine("vital_workflow_errors_total", mode="1", error_type="model"): "0x20",
    }
    share = [{"labels": DEGRADATION_RATIO, "value": 1}]
    test = {
        "rule_files": ["recording.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {"expr": DEGRADATION_RATIO, "eval_time": f"{minute}m", "exp_samples": share}
                    for minute in (7, 10, 15)
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(write_yaml(test, ""))
    command = [find(PROMTOOL), "test", "rules", tmp_path / "test.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
