"""Random graphs, delays, failures and cancellations: whatever happens, the same rules hold.

The graphs are made at run time from what hypothesis draws. Each node notes when it is entered and left,
so that after a run anything that was left behind shows.
"""

import asyncio
import inspect
from dataclasses import dataclass, field

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from vital_shared.graph import Done, Graph, NodeTimeout, Outcome, Retry, Run, fan_out, node

ITEMS = (0, 1, 2)
ATTEMPTS = 3


class BrokenError(Exception):
    """What a failing node raises."""


class FlakyError(Exception):
    """What is worth another attempt."""


@dataclass(frozen=True)
class Spec:
    """One node as it was drawn."""

    kind: str
    """async, stream or fan_out."""
    needs: tuple[int, ...]
    ticks: int
    """How often it lets others run."""
    seconds: int
    """How long it waits then."""
    ends: str = "well"
    """well; fails; deaf: answers a cancellation with its value; messy: with a failure."""
    cleanup: int = 0
    """How often it lets others run when it is cancelled."""
    optional: bool = False
    flaky: int = 0
    """How many attempts fail first; 3 is too many."""
    timeout: float | None = None

    @property
    def is_late(self) -> bool:
        return self.timeout is not None and self.seconds > self.timeout

    @property
    def error(self) -> type[Exception] | None:
        """What it raises when nobody cancels it."""
        if self.kind == "fan_out":
            return None
        if self.is_late:
            return None if self.ends == "deaf" else NodeTimeout
        if self.ends == "fails":
            return BrokenError
        return FlakyError if self.flaky >= ATTEMPTS else None


@dataclass
class Track:
    """What happened in one run."""

    entered: int = 0
    left: int = 0
    runs: dict[int, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    failed: bool = False
    late_starts: int = 0
    """Nodes that started after the run had failed."""


@st.composite
def specs(draw, *, time):
    made = []
    for number in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from(["async", "async", "stream", "fan_out"]))
        plain = kind != "fan_out"
        flaky = draw(st.integers(0, 3)) if plain and draw(st.booleans()) else 0
        timed = time and plain and flaky == 0
        made.append(
            Spec(
                kind=kind,
                needs=tuple(draw(st.sets(st.integers(0, number - 1), max_size=4))) if number else (),
                ticks=draw(st.integers(0, 4)),
                seconds=draw(st.integers(0, 3)) if time else 0,
                ends=draw(st.sampled_from(["well", "well", "well", "well", "fails", "deaf", "messy"])),
                cleanup=draw(st.integers(0, 3)),
                optional=draw(st.booleans()) if plain else False,
                flaky=flaky,
                timeout=draw(st.sampled_from([None, 1.5])) if timed else None,
            )
        )
    return made


async def work(spec, number, track, given_values, specs):
    """What every kind of node does, tracked from its first to its last step."""
    track.entered += 1
    track.runs[number] = track.runs.get(number, 0) + 1
    try:
        for needed, value in zip(spec.needs, given_values, strict=True):
            assert needed in track.done
            assert plain_value(value) == expected(specs, needed)
        for _ in range(spec.ticks):
            await asyncio.sleep(0)
        if spec.seconds:
            await asyncio.sleep(spec.seconds)
        if track.runs[number] <= spec.flaky:
            raise FlakyError(number)
        if spec.ends == "fails":
            raise BrokenError(number)
    except asyncio.CancelledError:
        for _ in range(spec.cleanup):
            await asyncio.sleep(0)
        if spec.ends == "deaf":
            return (number, *given_values)
        if spec.ends == "messy":
            raise BrokenError(number) from None
        raise
    finally:
        track.left += 1
    return (number, *given_values)


def method(spec, number, track, specs):
    names = [f"n{needed}" for needed in spec.needs]
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=("none", needed) if specs[needed].optional else inspect.Parameter.empty,
        )
        for name, needed in zip(names, spec.needs, strict=True)
    ]
    if spec.kind == "fan_out":
        parameters.append(inspect.Parameter("item", inspect.Parameter.KEYWORD_ONLY))

    async def plain(self, *values):
        return await work(spec, number, track, values, specs)

    async def stream(self, *values):
        yield "chunk"
        yield Done(await work(spec, number, track, values, specs))

    async def one(self, *values, item):
        return (item, await work(spec, number, track, values, specs))

    made = {"async": plain, "stream": stream, "fan_out": one}[spec.kind]
    made.__name__ = f"n{number}"
    owner = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    by_kind = sorted([owner, *parameters], key=lambda p: (p.kind, p.default is not p.empty))
    made.__signature__ = inspect.Signature(by_kind)
    if spec.kind == "fan_out":
        return fan_out("item", over="items", limit=2)(made)
    retry = Retry(on=(FlakyError,), attempts=ATTEMPTS, backoff_seconds=0.0) if spec.flaky else None
    if spec.kind == "stream" and retry:
        retry = None  # its chunk is shown: no other attempt
    return node(optional=spec.optional, timeout=spec.timeout, retry=retry)(made)


def graph(specs, track):
    methods = {f"n{i}": method(spec, i, track, specs) for i, spec in enumerate(specs)}
    return type("Drawn", (Graph,), {"inputs": ("items",), **methods})


def ordered(drawn):
    """Put what has defaults last among the parameters."""
    made = []
    for spec in drawn:
        needs = tuple(sorted(spec.needs, key=lambda n: drawn[n].optional))
        flaky = ATTEMPTS if spec.kind == "stream" and spec.flaky else spec.flaky
        made.append(Spec(**{**vars(spec), "needs": needs, "flaky": flaky}))
    return made


def expected(specs, number):
    """The value of a node, from the drawing alone."""
    spec = specs[number]
    if spec.optional and spec.error:
        return ("none", number)
    value = (number, *(expected(specs, needed) for needed in spec.needs))
    if spec.kind != "fan_out":
        return value
    if spec.ends == "fails":
        return tuple(("failed", None) for _ in ITEMS)
    return tuple(("success", (item, value)) for item in ITEMS)


def plain_value(value):
    """Without what differs from run to run: the seconds of outcomes."""
    if isinstance(value, tuple):
        return tuple(
            (one.status, plain_value(one.value)) if isinstance(one, Outcome) else plain_value(one)
            for one in value
        )
    return value


async def run_once(specs, sequential, cancel_after):
    """Run the graph, perhaps cancelled after some steps, and check what holds whatever happens."""
    track = Track()
    drawn = graph(specs, track)

    run = Run(drawn.plan, drawn(), {"items": ITEMS}, sequential=sequential, observers=(Watch(track),))
    before = asyncio.all_tasks()
    task = asyncio.create_task(run.execute())
    cancelled = False
    if cancel_after is not None:
        ticks, seconds = cancel_after
        for _ in range(ticks):
            await asyncio.sleep(0)
        if seconds:
            await asyncio.sleep(seconds)
        cancelled = task.cancel()
    await asyncio.wait([task])

    assert track.entered == track.left
    assert track.late_starts == 0
    assert asyncio.all_tasks() == before
    for number, runs in track.runs.items():
        spec = specs[number]
        allowed = len(ITEMS) if spec.kind == "fan_out" else min(spec.flaky, ATTEMPTS - 1) + 1
        assert runs <= (1 if spec.kind == "stream" else allowed)
    return run, task, cancelled


class Watch:
    """Notes which nodes have ended, so that none starts before its inputs are there."""

    def __init__(self, track):
        self.track = track

    def node_started(self, run, of):
        self.track.late_starts += self.track.failed

    def node_finished(self, run, of, status, seconds, error):
        if status != "cancelled":
            self.track.done.add(int(of.name[1:]))
        if status in ("failed", "timeout") and not of.declaration.optional:
            self.track.failed = True

    def __getattr__(self, hook):
        return lambda *details: None


def check_end(specs, run, task, cancelled):
    """Check that the run ended as the drawing says, and return how."""
    required = {number for number, spec in enumerate(specs) if spec.error and not spec.optional}
    messy = any(spec.ends == "messy" and spec.kind != "fan_out" and not spec.optional for spec in specs)
    if task.cancelled():
        assert cancelled
        return "cancelled"
    error = task.exception()
    if error is None:
        assert not required
        for number in range(len(specs)):
            value = run.value(f"n{number}", ("none", number))
            assert plain_value(value) == expected(specs, number)
        reasons = sorted(one.node for one in run.degradations)
        failed = [f"n{i}" for i, spec in enumerate(specs) if spec.optional and spec.error]
        fanned = [
            f"n{i}"
            for i, spec in enumerate(specs)
            if spec.kind == "fan_out" and spec.ends == "fails"
            for _ in ITEMS
        ]
        assert reasons == sorted(failed + fanned)
        return "answered"
    number = int(run.failed_node.name[1:])
    assert not specs[number].optional
    assert number in required or (cancelled and messy)
    assert isinstance(error, BrokenError | FlakyError | NodeTimeout)
    assert len(error.__notes__) == 1 + bool(run.failed_hint)
    return "failed"


def ticks_and_seconds(*, time):
    return st.none() | st.tuples(st.integers(0, 12), st.integers(0, 6) if time else st.just(0))


async def ends_of(drawn, cancel_after, sequential):
    """Run it, and undisturbed the other way round too; return the different ends."""
    specs = ordered(drawn)
    run, task, cancelled = await run_once(specs, sequential, cancel_after)
    ends = {check_end(specs, run, task, cancelled)}
    if cancel_after is None:
        other, other_task, _ = await run_once(specs, not sequential, None)
        ends.add(check_end(specs, other, other_task, cancelled=False))
    return ends


@settings(max_examples=300, deadline=None)
@given(specs(time=True), ticks_and_seconds(time=True), st.booleans())
def test_the_rules_hold_in_virtual_time(virtual_loop, drawn, cancel_after, sequential):
    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        assert len(runner.run(ends_of(drawn, cancel_after, sequential))) == 1


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(specs(time=False), ticks_and_seconds(time=False), st.booleans())
def test_the_rules_hold_on_uvloop(drawn, cancel_after, sequential):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert len(runner.run(ends_of(drawn, cancel_after, sequential))) == 1


@pytest.mark.parametrize("step", range(12))
async def test_a_cancellation_at_any_step_of_a_diamond(step):
    """Exhaustively, where hypothesis may miss a step."""
    drawn = [
        Spec("async", (), 1, 0),
        Spec("async", (0,), 2, 0, ends="deaf", cleanup=1),
        Spec("stream", (0,), 1, 0, cleanup=2),
        Spec("fan_out", (0,), 1, 0),
        Spec("async", (1, 2, 3), 1, 0),
    ]
    run, task, cancelled = await run_once(drawn, sequential=False, cancel_after=(step, 0))
    assert check_end(drawn, run, task, cancelled) in ("answered", "cancelled")
