"""Spans, metrics and logs over OTLP to a collector, in processes of their own: providers are set once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.otlp_collector import attributes_of, collector

from vital_shared.monitoring.exporting import is_exported

RUN = """
import asyncio, json, sys, time
from pathlib import Path
from ai_engine.logs import configure_logs
from vital_shared import BaseWorkflow
from vital_shared.monitoring.metrics import TELEMETRY_DROPPED_TOTAL as DROPPED
from vital_shared.monitoring.telemetry import exporting
from vital_shared.testing import CannedModel, question, workflow_services

async def main():
    model = CannedModel("It takes 42 days.", name="openai:gpt-5")
    async with workflow_services(Path(sys.argv[1]), models=[model]) as services:
        times = []
        for number in range(int(sys.argv[2])):
            began = time.perf_counter()
            output = await BaseWorkflow(services).execute_typed(question(f"secret words {number}?", model="openai:gpt-5"))
            times.append(time.perf_counter() - began)
        return output.run_id, max(times)

configure_logs("info")
with exporting():
    run_id, slowest = asyncio.run(main())
print(json.dumps({
    "run_id": run_id,
    "slowest": slowest,
    "dropped": {f"{signal} {reason}": DROPPED.labels(signal, reason).value
        for signal in ("traces", "metrics", "logs") for reason in ("queue_full", "not_taken")},
}))
"""


def run(
    tmp_path: Path, environment: Mapping[str, str], runs: int = 1
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run questions in a process of their own; return what it prints, and its log."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "VITAL_TRAC"))
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path), str(runs)],
        capture_output=True,
        text=True,
        check=False,
        env=clean | environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return json.loads(done.stdout), lines


def test_all_three_signals_reach_a_collector(tmp_path: Path) -> None:
    with collector() as found:
        printed, log = run(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": found.url})
    assert {path.removeprefix("/v1/") for path in found.paths} == {"traces", "metrics", "logs"}
    (root,) = (span for span in found.spans if span.name == "invoke_workflow BaseWorkflow")
    assert attributes_of(root)["vital.run.id"] == printed["run_id"]

    (finished,) = (line for line in found.lines if line.body.string_value == "run_finished")
    assert finished.trace_id == root.trace_id
    assert finished.severity_text == "INFO"
    assert attributes_of(finished)["run_id"] == printed["run_id"]
    (written,) = (line for line in log if line["event"] == "run_finished")
    assert written["trace_id"] == root.trace_id.hex()
    assert len(written["span_id"]) == 16

    requests = found.metrics["vital_workflow_requests"].sum
    assert (requests.is_monotonic, requests.aggregation_temporality) == (True, 2)
    assert sum(point.as_double for point in requests.data_points) == 1
    duration = found.metrics["vital_workflow_duration_seconds"].histogram
    (point,) = (point for point in duration.data_points if point.count)
    assert sum(point.bucket_counts) == point.count == 1
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    (example,) = point.exemplars
    assert example.trace_id == root.trace_id
    assert found.metrics["gen_ai.client.token.usage"].histogram.data_points
    instances = {found.resource(signal)["service.instance.id"] for signal in ("traces", "metrics", "logs")}
    assert len(instances) == 1
    assert "secret words" not in "".join(str(request) for each in found.requests.values() for request in each)
    assert set(printed["dropped"].values()) == {0}


def test_an_absent_collector_harms_no_run_and_what_it_misses_is_counted(tmp_path: Path) -> None:
    gone = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_MAX_QUEUE_SIZE": "8"}
    printed, _ = run(tmp_path, gone, runs=5)
    assert printed["dropped"]["traces queue_full"] > 0
    assert printed["dropped"]["logs not_taken"] > 0
    assert printed["dropped"]["metrics not_taken"] > 0
    assert printed["slowest"] < 10


@pytest.mark.thorough
def test_a_collector_that_refuses_is_counted(tmp_path: Path) -> None:
    with collector(status=400) as found:
        printed, _ = run(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": found.url})
    assert printed["dropped"]["traces not_taken"] == len(found.spans) > 0


@pytest.mark.thorough
def test_one_signal_alone_goes_where_only_its_address_is_named(tmp_path: Path) -> None:
    with collector() as found:
        run(tmp_path, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{found.url}/v1/traces"})
    assert set(found.paths) == {"/v1/traces"}


@pytest.mark.parametrize(
    ("environment", "signals"),
    [
        ({}, {"TRACES"}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, {"TRACES", "METRICS", "LOGS"}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_METRICS_EXPORTER": "none"}, {"TRACES", "LOGS"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c"}, {"METRICS"}),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "x"}, {"TRACES", "LOGS"}),
    ],
)  # fmt: skip
def test_opentelemetrys_variables_choose_the_signals(environment: dict[str, str], signals: set[str]) -> None:
    assert {each for each in ("TRACES", "METRICS", "LOGS") if is_exported(each, environment)} == signals
