"""Observers: the hooks that are called, and faults that stay their own."""

import asyncio
import logging

import pytest

from vital_shared.graph import (
    Done,
    FinishedNode,
    Graph,
    Observer,
    Outcome,
    Pause,
    Step,
    fan_out,
    node,
    part_key,
    repeat,
)

HOOKS = [name for name in vars(Observer) if not name.startswith("_")]


class G(Graph):
    inputs = ("items",)

    @node
    async def a(self, items) -> int:
        await asyncio.sleep(1)
        return 1

    @fan_out("item", over="items", degradation="item_failed")
    async def b(self, item) -> int:
        return 1 // item

    @node
    async def c(self, a, b) -> int:
        return a


class WithStep(G):
    @node
    async def c(self, a, b):
        yield Step("only")
        yield Step("only", "success")
        yield Done(a)


async def test_hooks_are_called_in_the_order_of_what_happens(prepare, log):
    await prepare(G, items=[0]).execute()
    assert log.lines == [
        ("run",),
        ("start", "a"),
        ("start", "b"),
        ("item", "b", 0),
        ("item failed", "b", 0),
        ("degraded", "item_failed"),
        ("success", "b"),
        ("success", "a"),
        ("start", "c"),
        ("success", "c"),
        ("run", "success"),
    ]
    assert log.errors == [None] * 4


async def test_errors_are_reported(prepare, log):
    class Bad(Graph):
        @node
        async def a(self):
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad") as raised:
        await prepare(Bad).execute()
    assert log.errors == [raised.value, raised.value]


async def test_durations_are_of_the_runs_clock(prepare):
    class Durations(Observer):
        def node_finished(self, run, node, status, seconds, error):
            durations[node.name] = seconds

        def run_finished(self, run, status, error):
            durations["run"] = run.seconds

    durations = {}
    await prepare(G, {"observers": (Durations(),)}, items=[1]).execute()
    assert durations == {"a": 1, "b": 0, "c": 0, "run": 1}


async def test_when_the_run_has_finished_nothing_of_it_runs(prepare):
    class Tasks(Observer):
        def run_finished(self, run, status, error):
            tasks.append(asyncio.all_tasks())

    tasks = []
    await prepare(G, {"observers": (Tasks(),)}, items=[1, 2, 3]).execute()
    assert tasks == [{asyncio.current_task()}]


class Round(Graph):
    inputs = ("text",)

    @node
    async def answer(self, text: str) -> str:
        return text


class OneRound(Graph):
    inputs = ("text",)
    final = repeat(Round, carry="text", until=lambda answer: True, limit=1)


KEPT = {
    part.name: part
    for part in (
        FinishedNode(
            name="b[1]", status="success", spans=(), value=[Outcome("success", 1, None, 0.0)], key=part_key(1)
        ),
        FinishedNode(name="final[1]", status="success", spans=(), value="text", key=part_key("text")),
    )
}
"""An item and a round that have finished in a process before."""


def raising(hook):
    def method(self, *details):
        raise RuntimeError(f"observer in {hook}")

    return method


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("sequential", [False, True])
async def test_an_observer_that_raises_is_logged_and_counted_and_the_run_goes_on(
    prepare, log, caplog, hook, sequential
):
    broken = type("Broken", (Observer,), {hook: raising(hook)})()
    settings = {"observers": (broken, log), "sequential": sequential}
    in_round = hook.startswith("round_")
    if hook.endswith("_kept"):
        settings["earlier_parts"] = KEPT
    run = prepare(OneRound, settings, text="text") if in_round else prepare(WithStep, settings, items=[0, 1])
    with caplog.at_level(logging.ERROR, "vital.graph"):
        await run.execute()
    times = {"node_started": 3, "node_finished": 3, "item_started": 2, "item_finished": 2}.get(hook, 1)
    assert run.observer_failures == times
    assert len(caplog.records) == times
    record = caplog.records[0]
    assert (record.getMessage(), record.observer, record.hook) == ("observer_failed", "Broken", hook)
    assert f"observer in {hook}" in str(caplog.records[0].exc_info[1])
    assert log.lines[-1] == ("run", "success")  # the observer behind it is notified all the same
    assert run.value("final" if in_round else "c") == ("text" if in_round else 1)


async def test_an_observer_may_read_the_run(prepare):
    class Reader(Observer):
        def node_finished(self, run, node, status, seconds, error):
            seen.append((node.name, status, run.value(node.makes), dict(run.paused)))

    class Asks(Graph):
        @node
        async def a(self) -> int:
            return 1

        @node(pauses=True)
        async def b(self, a) -> int:
            raise Pause("b?")

    seen = []
    await prepare(Asks, {"observers": (Reader(),)}).execute()
    assert seen == [("a", "success", 1, {}), ("b", "paused", None, {"b": "b?"})]
