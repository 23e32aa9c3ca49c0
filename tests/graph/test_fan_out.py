"""One node over a list: at the same time, with a limit, and each item with its own failure."""

import asyncio

import pytest

from vital_shared.graph import Degradation, Done, Graph, NodeError, Outcome, Retry, Step, fan_out, node


def over(**declared):
    """A graph that waits as many seconds as its items say; "x" fails."""

    class G(Graph):
        inputs = ("items",)

        def __init__(self):
            self.running = self.most = 0

        @fan_out("item", over="items", **declared)
        async def found(self, item, items):
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                if item == "x":
                    raise ValueError("item x")
                await asyncio.sleep(item)
                return item * 10
            finally:
                self.running -= 1

    return G()


async def test_items_run_at_the_same_time_and_stay_in_order(prepare, log):
    target = over()
    run = prepare(target, items=(3, 1, 2))
    await run.execute()
    assert run.value("found") == (
        Outcome("success", 30, None, 3),
        Outcome("success", 10, None, 1),
        Outcome("success", 20, None, 2),
    )
    assert run.seconds == 3
    assert [line[2] for line in log.lines if line[0] == "item success"] == [1, 2, 0]


async def test_no_more_run_at_once_than_the_limit(prepare):
    target = over(limit=2)
    run = prepare(target, items=[1] * 7)
    await run.execute()
    assert (target.most, run.seconds) == (2, 4)


async def test_a_failing_item_is_a_degradation_and_never_fails_the_run(prepare, log):
    run = prepare(over(degradation="tools_failed"), items=[1, "x", 2])
    await run.execute()
    assert [outcome.status for outcome in run.value("found")] == ["success", "failed", "success"]
    assert run.value("found")[1] == Outcome("failed", None, "ValueError: item x", 0)
    assert run.degradations == [Degradation("found", "tools_failed", "ValueError: item x", 1)]
    assert log.lines == [
        ("run",),
        ("start", "found"),
        ("item", "found", 0),
        ("item", "found", 1),
        ("item failed", "found", 1),
        ("degraded", "tools_failed"),
        ("item", "found", 2),
        ("item success", "found", 0),
        ("item success", "found", 2),
        ("success", "found"),
        ("run", "success"),
    ]


async def test_an_item_has_its_own_timeout(prepare):
    run = prepare(over(item_timeout=2, on_timeout="tool_timeout"), items=[1, 5, 1])
    await run.execute()
    assert [outcome.status for outcome in run.value("found")] == ["success", "timeout", "success"]
    assert run.degradations == [
        Degradation("found", "tool_timeout", "NodeTimeout: node 'found' took longer than its 2 s", 1)
    ]
    assert run.seconds == 2


async def test_a_timeout_error_of_what_an_item_calls_is_a_failure(prepare):
    class G(Graph):
        inputs = ("items",)

        @fan_out("item", over="items", item_timeout=5)
        async def found(self, item):
            raise TimeoutError("of the server")

    run = prepare(G, items=[1])
    await run.execute()
    assert [outcome.status for outcome in run.value("found")] == ["failed"]


async def test_what_came_by_the_deadline_is_used(prepare, log):
    run = prepare(over(deadline=3, limit=2, on_timeout="rag_timeout"), items=[1, 9, 1, 9, 1])
    await run.execute()
    found = run.value("found")
    assert [outcome.status for outcome in found] == ["success", "timeout", "success", "timeout", "timeout"]
    assert [outcome.seconds for outcome in found] == [1, 3, 1, 1, 0]
    assert [(d.reason, d.item) for d in run.degradations] == [
        ("rag_timeout", 1),
        ("rag_timeout", 3),
        ("rag_timeout", 4),
    ]
    assert run.seconds == 3
    starts = sorted(line[2] for line in log.lines if line[0] == "item")
    ends = sorted(line[2] for line in log.lines if line[0].startswith("item "))
    assert starts == ends == [0, 1, 2, 3, 4]


async def test_items_that_resist_the_deadline_are_awaited_and_no_other_starts(prepare):
    class G(Graph):
        inputs = ("items",)

        def __init__(self):
            self.started = []

        @fan_out("item", over="items", deadline=2, limit=2)
        async def found(self, item):
            self.started.append(item)
            if item == "fast":
                return item
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                await asyncio.sleep(3)
                if item == "fails":
                    raise ValueError("late") from None
                return "late"

    target = G()
    run = prepare(target, items=["fast", "deaf", "fails", "other", "other"])
    await run.execute()
    assert [(one.status, one.value) for one in run.value("found")] == [
        ("success", "fast"),
        ("success", "late"),
        ("failed", None),
        ("timeout", None),
        ("timeout", None),
    ]
    assert target.started == ["fast", "deaf", "fails"]
    assert run.seconds == 5


@pytest.mark.parametrize("items", [(), [], None])
async def test_no_items_are_no_calls(prepare, items):
    run = prepare(over(), items=items)
    await run.execute()
    assert run.value("found") == ()


async def test_the_default_stands_for_a_list_that_nobody_made(prepare):
    class G(Graph):
        @node(optional=True)
        async def items(self):
            raise ValueError

        @fan_out("item", over="items")
        async def none(self, item=None):
            return item

        @fan_out("item", over="items")
        async def some(self, item=(1, 2)):
            return item * 10

    run = prepare(G)
    await run.execute()
    assert run.value("none") == ()
    assert [outcome.value for outcome in run.value("some")] == [10, 20]


async def test_a_value_that_is_no_list_fails_the_node(prepare):
    with pytest.raises(NodeError, match="fans out over 'items', whose type is int: make it a tuple"):
        await prepare(over(), items=5).execute()


async def test_each_item_is_tried_again_by_itself(prepare):
    class G(Graph):
        inputs = ("items",)

        def __init__(self):
            self.calls = []

        @fan_out("item", over="items", retry=Retry(on=(ValueError,), attempts=2, backoff_seconds=1, jitter=0))
        async def found(self, item):
            self.calls.append(item)
            if item == "good" or self.calls.count(item) == 2:
                return item
            raise ValueError

    target = G()
    run = prepare(target, items=["good", "second"])
    await run.execute()
    assert [outcome.value for outcome in run.value("found")] == ["good", "second"]
    assert target.calls == ["good", "second", "second"]


async def test_an_item_that_awaits_something_cancelled_has_failed(prepare):
    class G(Graph):
        inputs = ("items",)

        @fan_out("item", over="items")
        async def found(self, item):
            if item:
                future = asyncio.get_running_loop().create_future()
                future.cancel()
                await future

    run = prepare(G, items=[0, 1])
    await run.execute()
    assert [outcome.status for outcome in run.value("found")] == ["success", "failed"]
    assert run.degradations[0].error.startswith(
        "NodeError: an item of node 'found' was cancelled from within"
    )


async def test_cancelling_the_run_cancels_every_item(prepare, log):
    target = over(limit=2)
    task = asyncio.create_task(prepare(target, items=[10, 10, 10]).execute())
    await asyncio.sleep(1)
    assert target.running == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert target.running == 0
    assert log.of("found") == ["start", "item", "item", "cancelled"] or log.of("found") == [
        "start",
        "cancelled",
    ]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_deadline_beside_a_cancellation_is_a_cancellation(prepare):
    target = over(deadline=2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await prepare(target, items=[10]).execute()
    assert asyncio.current_task().cancelling() == 0


async def test_sequential_runs_one_item_at_a_time_with_equal_results(prepare):
    values = []
    for sequential in (False, True):
        target = over(limit=3)
        run = prepare(target, {"sequential": sequential}, items=[1, "x", 2])
        await run.execute()
        values.append(([(one.status, one.value, one.error) for one in run.value("found")], run.degradations))
        assert target.most == (1 if sequential else 2)
    assert values[0] == values[1]


async def test_other_parameters_get_their_values_and_the_list_itself(prepare):
    class G(Graph):
        inputs = ("items", "x")

        @fan_out("item", over="items")
        async def found(self, x, item, items):
            return (x, item, items)

        @fan_out("item", over="items", makes="also")
        async def find(self, *, item, x):
            return (x, item)

    run = prepare(G, items=(1, 2), x="x")
    await run.execute()
    assert [outcome.value for outcome in run.value("found")] == [("x", 1, (1, 2)), ("x", 2, (1, 2))]
    assert [outcome.value for outcome in run.value("also")] == [("x", 1), ("x", 2)]


async def test_sync_items_run_in_threads(prepare):
    class G(Graph):
        inputs = ("items",)

        @fan_out("item", over="items", limit=2)
        def found(self, item):
            if item == 2:
                raise ValueError
            return item * 2

    run = prepare(G, items=[1, 2, 3])
    await run.execute()
    assert [outcome.value for outcome in run.value("found")] == [2, None, 6]


async def test_two_fan_outs_in_a_row(prepare):
    class G(Graph):
        inputs = ("items",)

        @fan_out("item", over="items")
        async def first(self, item):
            return item + 1

        @fan_out("outcome", over="first")
        async def second(self, outcome):
            return outcome.value * 2

    run = prepare(G, items=[1, 2])
    await run.execute()
    assert [outcome.value for outcome in run.value("second")] == [4, 6]


async def test_an_item_that_cancels_its_own_task_is_not_lost(prepare):
    class G(Graph):
        inputs = ("items",)

        @fan_out("item", over="items", limit=1)
        async def found(self, item):
            if item == 2:
                asyncio.current_task().cancel()
            await asyncio.sleep(1)
            return item

    run = prepare(G, items=[1, 2, 3])
    await run.execute()
    assert [outcome.status for outcome in run.value("found")] == ["success", "failed", "failed"]
    assert "cancelled from within" in run.degradations[0].error


async def test_a_deadline_that_is_not_needed_leaves_no_timer(prepare):
    await prepare(over(deadline=100), items=[1]).execute()
    assert [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()] == []


async def test_an_item_that_raises_generator_exit_is_left_out(prepare):
    class G(Graph):
        @node
        async def items(self):
            return ("good", "bad")

        @fan_out("item", over="items")
        async def found(self, item):
            if item == "bad":
                raise GeneratorExit
            return item

    run = prepare(G)
    await run.execute()
    assert [outcome.status for outcome in run.value("found")] == ["success", "failed"]
    assert "GeneratorExit" in run.degradations[0].error


class Spelled(Graph):
    """Stream the letters of each word; the first attempt at "again" fails before its first letter."""

    inputs = ("words",)

    def __init__(self):
        self.attempts = 0

    @fan_out("word", over="words", retry=Retry(on=(ValueError,), backoff_seconds=0))
    async def spelled(self, word):
        if word == "again":
            self.attempts += 1
            if self.attempts == 1:
                raise ValueError
        yield Step("spell")
        for letter in word:
            yield letter
        if word == "bad":
            raise ValueError("broke off")
        yield Step("spell", "success")
        yield Done(len(word))


async def test_items_stream_and_each_is_tried_again_by_itself(prepare):
    got = []

    async def deliver(of, chunk, item):
        got.append((of.name, item, chunk))

    target = Spelled()
    run = prepare(target, {"deliver": deliver}, words=("on", "again", "bad"))
    await run.execute()
    outcomes = run.value("spelled")
    assert [(outcome.status, outcome.value) for outcome in outcomes] == [
        ("success", 2),
        ("success", 5),
        ("failed", None),  # what was shown is not taken back
    ]
    for item, word in enumerate(("on", "again", "bad")):
        assert "".join(chunk for _, of, chunk in got if of == item) == word
    assert {span.node for span in run.spans()} == {"spelled", *(f"spelled[{n}].spell" for n in range(3))}
