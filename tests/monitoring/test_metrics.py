"""The catalogue as a whole."""

import re
import subprocess
import sys
import tracemalloc
from typing import get_args

import pytest

from vital_shared.monitoring import metrics
from vital_shared.monitoring.instrument import Counter, Gauge, Histogram, Merge
from vital_shared.monitoring.labels import BoundedLabel
from vital_shared.monitoring.metrics import CATALOGUE, COST_DOLLARS_TOTAL, REGISTRY, WORKFLOW_REQUESTS_TOTAL

THRESHOLDS = {0.1, 0.5, 1, 2, 5, 10, 30, 60}


def test_a_constant_is_called_as_its_metric():
    for each in CATALOGUE:
        assert getattr(metrics, each.name.removeprefix("vital_").upper()) is each


@pytest.mark.parametrize("instrument", CATALOGUE, ids=lambda each: each.name)
def test_names_follow_the_practices_of_prometheus(instrument):
    assert re.fullmatch(r"vital(_[a-z]+)+", instrument.name)
    assert isinstance(instrument, Counter) == instrument.name.endswith("_total")
    assert instrument.help.endswith(".")
    if isinstance(instrument, Gauge):
        assert instrument.merge in get_args(Merge)


def test_latencies_have_an_edge_at_every_threshold():
    for name in ("workflow_duration", "node_duration", "time_to_first_token", "llm_call_duration"):
        histogram = getattr(metrics, f"{name.upper()}_SECONDS")
        assert set(histogram.buckets) >= THRESHOLDS, name
    assert set(metrics.QUALITY_SCORE.buckets) >= {0.5, 0.7, 0.8, 0.9}


def test_every_counter_has_a_series_from_the_start():
    for each in CATALOGUE:
        if isinstance(each, Counter):
            assert each.collect()[0].samples, each.name


def test_every_closed_histogram_has_a_series_from_the_start():
    for each in CATALOGUE:
        if isinstance(each, Histogram) and not any(
            isinstance(label, BoundedLabel) for label in each.label_set
        ):
            assert each.collect()[0].samples, each.name


def test_a_bounded_label_has_one_meaning_in_all_metrics():
    bounded = {label.name: label for label in metrics.BOUNDED}
    for each in CATALOGUE:
        for label in each.label_set:
            assert bounded.get(label.name, label) is label


def test_metrics_show_how_many_series_there_can_be():
    show = """
from prometheus_client import generate_latest
import vital_shared
from vital_shared.monitoring import metrics
print(generate_latest(metrics.REGISTRY).decode().count("\\nvital"), metrics.METRIC_SERIES_LIMIT.labels().value)
"""  # in a process of its own: each workflow class that other tests define raises the bound
    shown = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    lines, limit = map(float, shown.stdout.split())
    assert 1_000 < lines < limit < 45_000


def test_four_thousand_made_up_values_stay_below_the_bound():
    for number in range(4_000):
        for label in metrics.BOUNDED:
            label.earn(f"{label.name}-{number}")
        for each in CATALOGUE:
            if each.label_set:
                values = (
                    f"{label.name}-{number}" if label in metrics.BOUNDED else label.values[-1]
                    for label in each.label_set
                )
                each.labels(*values)
    lines = sum(len(metric.samples) for metric in REGISTRY.collect())
    assert lines < metrics.METRIC_SERIES_LIMIT.labels().value
    assert all(len(label.values) == label.most for label in metrics.BOUNDED)
    for name in ("tenant_id", "agent_id", "model", "tool", "source", "node"):
        assert metrics.METRIC_LABEL_OVERFLOW_TOTAL.labels(name).value >= 3_900


def test_thousands_of_tenants_take_no_more_memory_than_those_that_have_names():
    def count(tenants: range) -> None:
        for number in tenants:
            COST_DOLLARS_TOTAL.labels("2", f"tenant-{number}", "llm", "base-workflow").inc(1)
            WORKFLOW_REQUESTS_TOTAL.labels("2", f"tenant-{number}", "success", "base-workflow").inc()

    count(range(1_000))
    tracemalloc.start()
    try:
        count(range(1_000, 10_000))
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 10_000
