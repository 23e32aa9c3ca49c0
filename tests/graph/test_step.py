"""A loop within a node: its rounds in the waterfall, reported to observers, ended with their node."""

import asyncio

import pytest

from vital_shared.graph import Done, Graph, GraphError, Observer, Run, Step, node


class Rounds(Graph):
    inputs = ("rounds",)

    @node
    async def total(self, rounds: int):
        for number in range(1, rounds + 1):
            yield Step(f"round_{number}")
            await asyncio.sleep(1)
            yield number
            yield Step(f"round_{number}", "success")
        yield Done(rounds)


class Breaks(Graph):
    @node(optional=True)
    async def total(self):
        yield Step("first")
        raise ConnectionError("gone")


class EndsNothing(Graph):
    @node
    async def total(self):
        yield Step("first", "success")
        yield Done(1)


class Recording(Observer):
    def __init__(self):
        self.lines = []

    def step_started(self, run, node, name):
        self.lines.append(("start", name))

    def step_finished(self, run, node, name, status, seconds):
        self.lines.append((status, name, seconds))


async def test_the_rounds_of_a_loop_stand_in_the_waterfall_with_their_times():
    run = await Rounds().run(rounds=2)
    spans = {span.node: span for span in run.spans()}
    assert list(spans) == ["total", "total.round_1", "total.round_2"]
    assert spans["total.round_1"].end <= spans["total.round_2"].start
    assert spans["total.round_2"].end <= spans["total"].end
    assert spans["total.round_2"].status == "success"


async def test_steps_are_reported_and_not_delivered():
    received, chunks = Recording(), []

    async def deliver(_node, chunk, _item):
        chunks.append(chunk)

    run = Run(Rounds.plan, Rounds(), {"rounds": 2}, observers=(received,), deliver=deliver)
    await run.execute()
    assert chunks == [1, 2]
    assert [line[:2] for line in received.lines] == [
        ("start", "total.round_1"), ("success", "total.round_1"), ("start", "total.round_2"), ("success", "total.round_2"),
    ]  # fmt: skip


async def test_a_step_that_is_open_when_its_node_fails_ends_with_it():
    run = await Breaks().run()
    assert [(span.node, span.status) for span in run.spans()] == [
        ("total", "failed"),
        ("total.first", "failed"),
    ]


async def test_ending_a_step_that_has_not_begun_is_an_error_that_names_it():
    with pytest.raises(GraphError, match=r"node 'total' ends the step 'first', which has not begun"):
        await EndsNothing().run()
