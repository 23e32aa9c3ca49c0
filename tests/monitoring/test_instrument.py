"""How metrics are declared and counted."""

import math
import threading
from functools import reduce
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from vital_shared.monitoring.instrument import Counter, Gauge, Histogram, Info
from vital_shared.monitoring.labels import OTHER, BoundedLabel, DeclaredLabel, Label
from vital_shared.monitoring.metrics import METRIC_VALUES_IGNORED_TOTAL

COLOUR = Label("colour", ("red", "blue"))


def shown(*instruments, write=generate_latest):
    registry = CollectorRegistry()
    for each in instruments:
        registry.register(each)
    return [line for line in write(registry).decode().split("\n") if line[:1] not in ("", "#")]


def test_all_of_a_closed_label_is_there_from_the_start():
    assert shown(Counter("balls_total", "Balls.", (COLOUR,))) == [
        'balls_total{colour="red"} 0.0',
        'balls_total{colour="blue"} 0.0',
    ]


def test_a_value_outside_of_a_closed_set_is_an_error():
    counter = Counter("balls_total", "Balls.", (COLOUR,))
    with pytest.raises(ValueError, match='"green" is not a value of the label colour'):
        counter.labels("green")
    with pytest.raises(ValueError, match="1 labels, and not 2"):
        counter.labels("red", "blue")


def test_a_closed_set_with_other_takes_anything():
    counter = Counter("balls_total", "Balls.", (Label("colour", ("red", OTHER)),))
    counter.labels("green").inc()
    assert counter.labels(OTHER).value == 1
    assert len(shown(counter)) == 2


def test_the_series_of_the_same_values_is_the_same():
    counter = Counter("balls_total", "Balls.", (COLOUR,))
    assert counter.labels("red") is counter.labels("red")


@pytest.mark.parametrize("odd", [-1, math.nan, math.inf, -math.inf, None, "3"])
def test_an_odd_value_is_left_out_and_counted_and_never_raises(odd):
    counter, histogram = Counter("balls_total", "Balls."), Histogram("weights", "Weights.", buckets=(1,))
    before = METRIC_VALUES_IGNORED_TOTAL.labels().value
    counter.labels().inc(2)
    counter.labels().inc(odd)
    assert counter.labels().value == 2
    if odd != -1:  # a measure may be below zero
        histogram.labels().observe(odd)
        histogram.labels().observe_all([0.5, odd])
        assert (histogram.labels().count, histogram.labels().sum) == (1, 0.5)
    assert METRIC_VALUES_IGNORED_TOTAL.labels().value - before == (1 if odd == -1 else 3)


@given(st.lists(st.integers(0, 10**15), max_size=50))
def test_money_is_added_up_without_rounding(nanos):
    counter = Counter("cost_dollars_total", "Cost.", parts_per_unit=10**9)
    for each in nanos:
        counter.labels().inc(each)
    assert counter.labels().value == sum(nanos) / 10**9


def test_a_gauge_goes_up_and_down_and_away():
    gauge = Gauge("balls", "Balls.", (COLOUR,), merge="sum")
    gauge.labels("red").inc(3)
    gauge.labels("red").inc(-1)
    gauge.labels("blue").set(7)
    assert shown(gauge) == ['balls{colour="red"} 2.0', 'balls{colour="blue"} 7.0']
    gauge.remove("blue")
    assert shown(gauge) == ['balls{colour="red"} 2.0']


@given(st.lists(st.floats(0, 20), max_size=50))
def test_a_bucket_holds_all_up_to_its_edge(values):
    histogram = Histogram("seconds", "Seconds.", buckets=(1, 10))
    for each in values:
        histogram.labels().observe(each)
    assert [line.split(" ")[1] for line in shown(histogram)][:4] == [
        str(float(sum(each <= edge for each in values))) for edge in (1, 10, 20, 20)
    ]
    assert histogram.labels().sum == reduce(add, values, 0.0)  # sum() compensates from Python 3.12 on


def test_the_last_exemplar_of_a_bucket_is_shown_to_openmetrics():
    histogram = Histogram("seconds", "Seconds.", buckets=(1,))
    histogram.labels().observe(0.25, "run_1")
    histogram.labels().observe(0.5, "run_2")
    histogram.labels().observe(2)
    first, second, *_ = shown(histogram, write=openmetrics.generate_latest)
    assert first.startswith('seconds_bucket{le="1.0"} 2.0 # {run_id="run_2"} 0.5 ')
    assert second == 'seconds_bucket{le="+Inf"} 3.0'


def test_facts_are_labels():
    assert shown(Info("build_info", "Build.", {"version": "1"})) == ['build_info{version="1"} 1.0']


def test_threads_lose_nothing():
    counter, histogram = Counter("balls_total", "Balls."), Histogram("seconds", "Seconds.", buckets=(1,))

    def count():
        for _ in range(5_000):
            counter.labels().inc()
            histogram.labels().observe(0.5)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (counter.labels().value, histogram.labels().count, histogram.labels().sum) == (
        20_000,
        20_000,
        10_000,
    )


def test_a_counter_has_all_series_of_a_value_that_was_given_a_name():
    tenant = BoundedLabel("tenant_id", limit=2)
    counter = Counter("balls_total", "Balls.", (tenant, COLOUR))
    histogram = Histogram("seconds", "Seconds.", (tenant,), buckets=(1,))
    tenant.admit("acme")
    assert [line for line in shown(counter) if "acme" in line] == [
        'balls_total{colour="red",tenant_id="acme"} 0.0',
        'balls_total{colour="blue",tenant_id="acme"} 0.0',
    ]
    assert shown(histogram) == []


@given(st.lists(st.text(max_size=3), max_size=30), st.integers(1, 5))
def test_there_are_never_more_series_than_declared(values, limit):
    label = BoundedLabel("agent_id", limit=limit)
    counter = Counter("runs_total", "Runs.", (label, COLOUR))
    histogram = Histogram("seconds", "Seconds.", (label,), buckets=(1, 2))
    for each in values:
        counter.labels(each, "red").inc()
        histogram.labels(each).observe(1)
    assert len(shown(counter)) <= counter.most_series == (limit + 1) * 2
    assert len(shown(histogram)) <= histogram.most_series == (limit + 1) * 5
    assert sum(counter.labels(each, "red").value for each in label.values) == len(values)


def test_a_gauge_shows_no_more_series_than_it_may_until_one_is_removed():
    name = BoundedLabel("holder", limit=5)
    gauge = Gauge("left", "Left.", (name,), merge="one", max_series=1)
    assert gauge.most_series == 1
    gauge.labels("acme").set(1)
    gauge.labels("globex").set(2)
    assert shown(gauge) == ['left{holder="acme"} 1.0']
    gauge.remove("acme")
    gauge.labels("globex").set(2)
    assert shown(gauge) == ['left{holder="globex"} 2.0']


def test_a_gauge_of_names_begins_anew_when_they_are_forgotten():
    label = BoundedLabel("tenant_id", limit=1)
    gauge = Gauge("vital_example", "An example.", (label,), merge="one")
    gauge.labels("acme").set(1)
    gauge.labels("globex").set(2)
    label.forget()
    gauge.forget()
    assert gauge.collect()[0].samples == []


def test_a_declared_value_has_its_series_at_once():
    label = DeclaredLabel("workflow", ("first",), limit=2)
    counter = Counter("requests_total", "Requests.", (Label("mode", ("1", "2")), label))
    histogram = Histogram("seconds", "Seconds.", (label,), buckets=(1,))
    assert label.declare("second") == "second"
    assert counter.labels("2", "second").value == 0
    shown = {sample.labels["workflow"] for metric in histogram.collect() for sample in metric.samples}
    assert shown == {"first", "second"}
    assert len(counter.collect()[0].samples) == 4


def test_more_values_than_are_allowed_count_under_other():
    label = DeclaredLabel("workflow", ("first",), limit=2)
    assert [label.declare(each) for each in ("second", "third", "", "fourth")] == ["second", *["other"] * 3]
    assert label.values == ("first", "second", "other")


def test_a_value_that_was_not_declared_is_an_error():
    counter = Counter("requests_total", "Requests.", (DeclaredLabel("workflow", ("first",)),))
    with pytest.raises(ValueError, match='"second" is not a value of the label workflow'):
        counter.labels("second")
