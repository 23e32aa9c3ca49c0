"""What a registry holds survives as plain data, and is written as the client itself would."""

import math
import threading

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from vital_shared.monitoring import instrument as declare
from vital_shared.monitoring.exposition import Shown, render
from vital_shared.monitoring.snapshot import dump, key_of, load, sample_of, take


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    counter = Counter("asked_total", 'Said "yes"\nor no.', ["mode", "tenant_id"], registry=registry)
    counter.labels("1", 'a"c\\m\ne').inc(2.5)
    Gauge("free_bytes", "Free memory.", unit="bytes", registry=registry).set(math.inf)
    Gauge("odd", "No number.", registry=registry).set(math.nan)
    seconds = Histogram("took_seconds", "How long.", ["mode"], registry=registry, buckets=(0.1, 1.0))
    seconds.labels("1").observe(0.5, {"run_id": "run_1"})
    seconds.labels("2").observe(7)
    Info("build", "What runs.", registry=registry).info({"version": "1"})
    return registry


def without_created(text: bytes) -> list[str]:
    lines = text.decode().splitlines()
    return [line for line in lines if "_created" not in line]


def test_the_text_is_that_of_the_client(registry):
    text = render(Shown(load(dump(take(registry)))), as_openmetrics=False)
    assert text.decode().splitlines() == without_created(generate_latest(registry))


def test_openmetrics_is_that_of_the_client_with_exemplars(registry):
    text = render(Shown(load(dump(take(registry)))), as_openmetrics=True)
    assert text.decode().splitlines() == without_created(openmetrics.generate_latest(registry))
    families = text_string_to_metric_families(text.decode())
    exemplars = [s.exemplar.labels for f in families for s in f.samples if s.exemplar]
    assert exemplars == [{"run_id": "run_1"}]


def test_a_snapshot_is_not_changed_by_what_is_counted_later(registry):
    before = take(registry)
    counted = before["asked"].values.copy()
    Counter("more_total", "More.", registry=registry).inc()
    registry._names_to_collectors["asked_total"].labels("1", "new").inc()
    assert before["asked"].values == counted
    assert "more" not in before


def test_a_gauge_says_how_it_merges_and_so_do_those_of_the_client(registry):
    Gauge("process_start_time_seconds", "When.", registry=registry)
    snapshot = take(registry, {"odd": declare.Gauge("odd", "No number.", merge="max")})
    assert {name: family.merge for name, family in snapshot.items()} == {
        "asked": "sum",
        "took_seconds": "sum",
        "build": "one",
        "free_bytes": "sum",
        "odd": "max",
        "process_start_time_seconds": "min",
    }


def test_it_is_taken_while_others_count_and_each_histogram_agrees_with_itself():
    registry = CollectorRegistry()
    seconds = Histogram("took_seconds", "How long.", ["n"], registry=registry, buckets=(1.0, 2.0))
    stop = threading.Event()

    def count() -> None:
        n = 0
        while not stop.is_set():
            seconds.labels(str(n % 500)).observe(n % 3)
            n += 1

    thread = threading.Thread(target=count)
    thread.start()
    last: dict = {}
    try:
        for _ in range(20):
            family = take(registry)["took_seconds"]
            for key, value in family.values.items():
                name, labels, *_ = sample_of(family, key)
                if name == "took_seconds_count":
                    assert family.values[key_of("took_seconds_bucket", {**labels, "le": "+Inf"})] == value
                    assert value >= last.get(key, 0)
                    last[key] = value
    finally:
        stop.set()
        thread.join()
    assert last
