"""What workers counted, merged, is what one process would have counted."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.samples import Exemplar

from vital_shared.monitoring import instrument as declare
from vital_shared.monitoring.merging import merge, remains
from vital_shared.monitoring.snapshot import Snapshot, dump, load, sample_of, take

GAUGES = {
    "oldest": declare.Gauge("oldest", "Oldest.", merge="min"),
    "largest": declare.Gauge("largest", "Largest.", merge="max"),
    "budget": declare.Gauge("budget", "Budget.", merge="one"),
}

workers = st.sampled_from("abcd")
counted = st.tuples(
    st.just("count"), workers, st.sampled_from("xyz"), st.integers(0, 8 * 70).map(lambda n: n / 8)
)
"""Eighths are exact in binary: however they are added up, the sum is the same to the last bit."""
steps = st.lists(st.one_of(counted, st.tuples(st.sampled_from(["stop", "kill", "scrape"]), workers)))


class Process:
    """One worker's registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.asked = Counter("asked_total", "Asked.", ["mode"], registry=self.registry)
        self.took = Histogram("took_seconds", "Took.", ["mode"], registry=self.registry, buckets=(1, 10, 60))
        self.active = Gauge("active", "Active.", ["mode"], registry=self.registry)

    def count(self, mode: str, value: float) -> None:
        self.asked.labels(mode).inc(value)
        self.took.labels(mode).observe(value)
        self.active.labels(mode).inc(value)

    def snapshot(self) -> Snapshot:
        return load(dump(take(self.registry)))


def values(snapshot: Snapshot, *kinds: str) -> dict:
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in snapshot.values()
        if family.type in (kinds or {family.type})
        for sample in (sample_of(family, series) for series in family.values)
    }


@given(steps)
def test_any_split_over_workers_that_come_and_go_is_counted_as_one_process_would(steps):
    living: dict[str, Process] = defaultdict(Process)
    last: dict[str, Snapshot] = {}
    ended: Snapshot = {}
    since_scrape: dict[str, list] = defaultdict(list)
    alone = Process()
    seen: dict = {}
    for step, worker, *count in steps:
        if step == "count":
            living[worker].count(*count)
            since_scrape[worker].append(count)
        if step in ("stop", "scrape") and worker in living:
            last[worker] = living[worker].snapshot()
            for each in since_scrape.pop(worker, []):
                alone.count(*each)
        if step in ("stop", "kill") and worker in living:
            ended = merge([ended, remains(last.pop(worker, {}))])
            del living[worker]
            since_scrape.pop(worker, None)  # what the killed one counted since its last scrape is lost
        scraped = values(merge([*last.values(), ended]), "counter", "histogram")
        assert scraped == values(alone.snapshot(), "counter", "histogram")
        assert all(scraped[series] >= value for series, value in seen.items())
        seen = scraped
    gauges = values(merge([*last.values(), ended]), "gauge")
    together = [values(snapshot, "gauge") for snapshot in last.values()]
    assert gauges == {s: sum(each.get(s, 0) for each in together) for each in together for s in each}


@given(st.permutations(["a", "b", "c"]))
def test_a_series_that_one_worker_alone_has_keeps_its_samples_together(order):
    processes = {name: Process() for name in order}
    for name, process in processes.items():
        process.took.labels(name).observe(2)
        process.took.labels("all").observe(2)
    family = merge([processes[name].snapshot() for name in order])["took_seconds"]
    modes = [sample_of(family, series).labels["mode"] for series in family.values]
    assert [mode for n, mode in enumerate(modes) if n == 0 or modes[n - 1] != mode] == [
        order[0],
        "all",
        *order[1:],
    ]


def stood(oldest: float, largest: float, budget: float | None = None) -> Snapshot:
    registry = CollectorRegistry()
    Gauge("oldest", "Oldest.", registry=registry).set(oldest)
    Gauge("largest", "Largest.", registry=registry).set(largest)
    gauge = Gauge("budget", "Budget.", ["tenant_id"], registry=registry)
    if budget is not None:
        gauge.labels("acme").set(budget)
    Info("build", "Build.", registry=registry).info({"version": "1"})
    return take(registry, GAUGES)


def test_gauges_merge_as_each_declares_and_an_info_is_one():
    merged = merge([stood(3, 3), stood(1, 9, budget=50), stood(2, 4, budget=49)])
    assert values(merged) == {
        ("oldest", ()): 1,
        ("largest", ()): 9,
        ("budget", (("tenant_id", "acme"),)): 50,
        ("build_info", (("version", "1"),)): 1,
    }


def test_what_all_workers_share_is_one_in_a_gauge_that_adds_up():
    entries = declare.Gauge("entries", "Entries.", merge="sum", shared=["redis"])

    def stored(memory: float, redis: float) -> Snapshot:
        registry = CollectorRegistry()
        gauge = Gauge("entries", "Entries.", ["tier"], registry=registry)
        gauge.labels("memory").set(memory)
        gauge.labels("redis").set(redis)
        return load(dump(take(registry, {"entries": entries})))

    assert values(merge([stored(3, 50), stored(4, 51)])) == {
        ("entries", (("tier", "memory"),)): 7,
        ("entries", (("tier", "redis"),)): 50,
    }


def test_of_those_that_ended_only_what_they_counted_is_kept():
    process = Process()
    process.count("x", 2)
    assert list(remains(process.snapshot())) == ["asked", "took_seconds"]


def test_what_processes_use_adds_up_and_their_age_is_that_of_the_oldest():
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    one = take(registry)
    merged = merge([one, one])
    for name, factor in {
        "process_start_time_seconds": 1,
        "process_max_fds": 1,
        "process_resident_memory_bytes": 2,
        "process_open_fds": 2,
    }.items():
        assert values(merged)[name, ()] == factor * values(one)[name, ()]
    cpu = ("process_cpu_seconds_total", ())
    assert values(merge([merged, remains(one)]))[cpu] == 3 * values(one)[cpu]


def test_the_newest_exemplar_stays():
    def observed(run_id: str | None, time: float) -> Snapshot:
        process = Process()
        process.took.labels("x").observe(2, {"run_id": run_id} if run_id else None)
        snapshot = process.snapshot()
        exemplars = snapshot["took_seconds"].exemplars
        for series, exemplar in exemplars.items():
            exemplars[series] = exemplar._replace(timestamp=time)
        return snapshot

    merged = merge([observed("a", 2.0), observed("b", 3.0), observed("c", 1.0), observed(None, 4.0)])
    assert list(merged["took_seconds"].exemplars.values()) == [Exemplar({"run_id": "b"}, 2.0, 3.0)]
