"""Random samples of all series that some expressions read, for Prometheus and for our own evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from random import Random

from vital_ops.expressions.expression import QueryExpression, Selector
from vital_shared.monitoring.instrument import Histogram
from vital_shared.monitoring.labels import BoundedLabel
from vital_shared.monitoring.metrics import CATALOGUE
from vital_shared.monitoring.sample_ring import SampledSeries, SampleSet

__all__ = ["TARGET", "openmetrics", "random_samples"]

TARGET = {"job": "vital", "instance": "one:8000"}

TENANTS = ("acme", "globex", "initech")
MAX_COMBINATIONS = 30

GAUGES = {each.name for each in CATALOGUE if each.kind == "gauge"}
FOREIGN_GAUGES = {"up", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"}
FOREIGN_GAUGES |= {"process_start_time_seconds", "vital_build_info"}


@dataclass(frozen=True)
class Course:
    """How a series goes on: when it begins, begins anew and stands still."""

    born: int
    resets: frozenset[int]
    pace: float

    @classmethod
    def random(cls, random: Random, count: int) -> Course:
        late = random.random() < 0.25
        resets = random.sample(range(count), random.choice((0, 0, 1, 3)))
        return cls(random.randrange(count) if late else 0, frozenset(resets), random.choice((0, 0.05, 1, 40)))


def random_samples(expressions: Iterable[QueryExpression], times: Sequence[int], seed: int) -> SampleSet:
    """Make samples of whatever the expressions read, at the times given."""
    random = Random(seed)
    by_name: dict[str, list[Selector]] = {}
    for expression in expressions:
        for selector in expression.selectors:
            if not selector.name.startswith("vital:"):
                by_name.setdefault(selector.name, []).append(selector)
    families: dict[str, list[Selector]] = {}
    for name, selectors in by_name.items():
        families.setdefault(_histogram(name) or name, []).extend(selectors)
    made = [
        series for name in sorted(families) for series in _family(name, families[name], len(times), random)
    ]
    return SampleSet(times, made)


def _histogram(name: str) -> str | None:
    base, _, part = name.rpartition("_")
    is_one = any(each.name == base and isinstance(each, Histogram) for each in CATALOGUE)
    return base if is_one and part in ("bucket", "count", "sum") else None


def _family(name: str, selectors: list[Selector], count: int, random: Random) -> Iterator[SampledSeries]:
    metric = next((each for each in CATALOGUE if each.name == name), None)
    for labels in _combinations(metric, selectors, random):
        if isinstance(metric, Histogram):
            yield from _buckets(metric, labels, count, random)
        else:
            is_gauge = name in GAUGES | FOREIGN_GAUGES
            values = list(_gauge(count, random) if is_gauge else _counter(count, random))
            yield _series(name, labels, values)


def _combinations(metric, selectors, random) -> list[dict[str, str]]:
    if metric is None:
        return [{}] if selectors[0].name != "python_gc_collections_total" else [{"generation": "0"}]
    choices = {}
    for label in metric.label_set:
        wanted = [
            value for each in selectors for value in each.matches.get(label.name, ()) if "$" not in value
        ]
        known = TENANTS if isinstance(label, BoundedLabel) else tuple(label.values)[:3]
        choices[label.name] = list(dict.fromkeys([*wanted, *known])) or list(TENANTS)
    every = [dict(zip(choices, values, strict=True)) for values in islice(product(*choices.values()), 5_000)]
    return random.sample(every, min(len(every), MAX_COMBINATIONS))


def _counter(count: int, random: Random) -> Iterator[float | None]:
    course, value = Course.random(random, count), 0.0
    for step in range(count):
        value = 0.0 if step in course.resets else value
        value += random.choice((0, 0, 1)) * random.random() * course.pace
        yield None if step < course.born else round(value, 6)


def _gauge(count: int, random: Random) -> Iterator[float | None]:
    born = Course.random(random, count).born
    for step in range(count):
        yield None if step < born else float(random.choice((0, 1, 1, 7, 1e6)))


def _buckets(
    metric: Histogram, labels: dict[str, str], count: int, random: Random
) -> Iterator[SampledSeries]:
    course, edges = Course.random(random, count), [*map(str, map(float, metric.buckets)), "+Inf"]
    seen, total, rows = [0] * len(edges), 0.0, []
    for step in range(count):
        if step in course.resets:
            seen, total = [0] * len(edges), 0.0
        for _ in range(random.choice((0, 0, 1, 5)) if course.pace else 0):
            seen[random.randrange(len(edges))] += 1
            total += random.random()
        rows.append(None if step < course.born else (list(_running(seen)), round(total, 6)))
    for place, edge in enumerate(edges):
        yield _series(
            f"{metric.name}_bucket", {**labels, "le": edge}, [row and float(row[0][place]) for row in rows]
        )
    yield _series(f"{metric.name}_count", labels, [row and float(row[0][-1]) for row in rows])
    yield _series(f"{metric.name}_sum", labels, [row and row[1] for row in rows])


def _running(counts: list[int]) -> Iterator[int]:
    total = 0
    for each in counts:
        total += each
        yield total


def _series(name: str, labels: dict[str, str], values: Sequence[float | None]) -> SampledSeries:
    """Keep the changes of values; None: not there yet."""
    at = [
        step
        for step, value in enumerate(values)
        if value is not None and (step == 0 or value != values[step - 1])
    ]
    return SampledSeries(name, labels, at, [values[step] for step in at])


def openmetrics(samples: SampleSet) -> str:
    """Write samples as promtool makes blocks of them."""
    by_family: dict[str, list[str]] = {}
    for series in samples.series:
        family = _histogram(series.name) or series.name.removesuffix("_total")
        labels = ",".join(f'{name}="{value}"' for name, value in (TARGET | dict(series.labels)).items())
        changes, value = dict(zip(series.scrapes, series.values, strict=True)), None
        lines = by_family.setdefault(family, [])
        for step, at in enumerate(samples.times):
            value = changes.get(step, value)
            if value is not None:
                lines.append(f"{series.name}{{{labels}}} {value} {at / 1000}")
    text = [line for family, lines in by_family.items() for line in (f"# TYPE {family} unknown", *lines)]
    return "\n".join([*text, "# EOF\n"])
