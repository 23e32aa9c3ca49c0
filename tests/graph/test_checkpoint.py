"""Pausing, writing down what there is, and going on from there: in another process, too."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from vital_shared.graph import (
    Checkpoint,
    CheckpointError,
    Degradation,
    Done,
    Graph,
    NodeError,
    Outcome,
    Pause,
    PlanError,
    Skip,
    Span,
    fan_out,
    node,
)


class Kind(Enum):
    GOOD = "good"


class Plan(BaseModel):
    """Strict, as the house's own models are: JSON's lists and texts need reading as JSON."""

    model_config = ConfigDict(frozen=True, strict=True)

    calls: tuple[str, ...]
    cost: Decimal
    at: datetime
    kind: Kind


PLAN = Plan(calls=("a", "b"), cost=Decimal("0.10"), at=datetime(2026, 1, 1, tzinfo=UTC), kind=Kind.GOOD)


class Approval(Graph):
    """``approved`` pauses at 2 s; ``beside`` ends at 3 s; the rest waits for an approval."""

    inputs = ("query",)

    def __init__(self):
        self.ran = []

    @node
    async def plan_of_it(self, query) -> Plan:
        self.ran.append("plan_of_it")
        await asyncio.sleep(2)
        return PLAN

    @node(pauses=True)
    async def approved(self, plan_of_it) -> frozenset[str]:
        self.ran.append("approved")
        raise Pause(plan_of_it.calls)

    @node
    async def beside(self, query) -> tuple[bytes, float | None]:
        self.ran.append("beside")
        await asyncio.sleep(3)
        return (b"bytes", None)

    @node(optional=True, degradation="no_history")
    async def history(self) -> list[str]:
        self.ran.append("history")
        raise ValueError("no store")

    @node(optional=True)
    async def skipped(self) -> str:
        self.ran.append("skipped")
        raise Skip

    @fan_out("word", over="query", degradation="word_failed")
    async def words(self, word) -> int:
        self.ran.append("words")
        return int(word)

    @node
    async def streamed(self, query) -> AsyncIterator[str | Done[str]]:
        self.ran.append("streamed")
        yield "chunk"
        yield Done("whole")

    @node
    async def results(self, approved, history=("none",)):
        self.ran.append("results")
        await asyncio.sleep(1)
        return object()  # after the pause anything goes

    @node
    async def answer(self, results, beside, words, streamed, plan_of_it, skipped="default"):
        self.ran.append("answer")
        return (beside, words, streamed, plan_of_it, skipped)


async def paused(prepare, graph=Approval, options=None, **inputs):
    run = prepare(graph, options, **(inputs or {"query": ["1", "x"]}))
    await run.execute()
    assert run.paused
    return run


async def test_what_does_not_depend_on_a_pause_finishes(prepare, log):
    run = await paused(prepare)
    assert run.paused == {"approved": ("a", "b")}
    assert run.seconds == 3
    assert run.value("beside") == (b"bytes", None)
    assert log.of("approved") == ["start", "paused"]
    assert log.of("results") == log.of("answer") == []
    assert log.lines[-1] == ("run", "paused")
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("sequential", [False, True])
async def test_a_run_goes_on_from_json_with_equal_values_and_nothing_twice(prepare, log, sequential):
    first = await paused(prepare, options={"sequential": sequential})
    text = first.checkpoint().model_dump_json()
    await asyncio.sleep(1000)  # the person thinks

    target = Approval()
    options = {
        "checkpoint": Checkpoint.model_validate_json(text),
        "answers": {"approved": frozenset({"a"})},
        "sequential": sequential,
    }
    run = prepare(target, options, query=["1", "x"])
    assert run.seconds == first.seconds
    await run.execute()
    assert target.ran == ["results", "answer"]
    assert run.value("answer") == (
        (b"bytes", None),
        first.value("words"),
        "whole",
        PLAN,
        "default",
    )
    assert isinstance(run.value("words")[0], Outcome)
    assert run.value("approved") == {"a"}
    # What was reported before the pause is carried on, and the wait is in no time.
    assert run.degradations == first.degradations
    assert [degradation.reason for degradation in run.degradations] == ["no_history", "word_failed"]
    assert run.seconds == first.seconds + 1
    assert run.spans()[: len(first.spans())] == first.spans()
    assert run.spans()[-2:] == (
        Span("results", "success", first.seconds, run.seconds),
        Span("answer", "success", run.seconds, run.seconds),
    )


async def test_model_dump_serves_as_well_as_its_json(prepare):
    dumped = (await paused(prepare)).checkpoint().model_dump(mode="json")
    options = {"checkpoint": Checkpoint.model_validate(dumped), "answers": {"approved": frozenset()}}
    run = prepare(Approval, options, query=["1", "x"])
    await run.execute()
    assert run.value("answer")[3] == PLAN


async def test_a_run_is_not_resumed_without_the_answer(prepare):
    checkpoint = (await paused(prepare)).checkpoint()
    with pytest.raises(CheckpointError, match="graph 'Approval' waits for 'approved': pass it in answers"):
        prepare(Approval, {"checkpoint": checkpoint}, query=[])


async def test_a_plan_that_has_changed_is_an_error(prepare):
    checkpoint = (await paused(prepare)).checkpoint()

    class Changed(Approval):
        @node
        async def more(self, query) -> str:
            return "more"

    with pytest.raises(
        CheckpointError, match="graph 'Changed' has changed since this run was paused"
    ) as raised:
        prepare(Changed, {"checkpoint": checkpoint, "answers": {"approved": frozenset()}}, query=[])
    assert Approval.plan.fingerprint in str(raised.value)
    assert Changed.plan.fingerprint in str(raised.value)


async def test_a_stored_value_that_no_longer_fits_is_an_error(prepare):
    checkpoint = (await paused(prepare)).checkpoint()
    broken = checkpoint.model_copy(update={"values": {**checkpoint.values, "plan_of_it": {"calls": 3}}})
    with pytest.raises(
        CheckpointError, match="the stored value 'plan_of_it' no longer fits its type"
    ) as raised:
        broken.read(Approval.plan)
    assert "\n" not in str(raised.value)


async def test_a_value_that_is_not_of_its_declared_type_is_an_error_at_the_pause(prepare):
    class G(Graph):
        @node
        async def a(self) -> tuple[str, ...]:
            return ["a list"]

        @node(pauses=True)
        async def b(self, a) -> str:
            raise Pause(None)

    run = await paused(prepare, G, unused=1)
    with pytest.raises(
        CheckpointError, match="value 'a' is not of the type that its node declares"
    ) as raised:
        run.checkpoint()
    assert "\n" not in str(raised.value)


class Twice(Graph):
    @node(pauses=True)
    async def first(self) -> int:
        raise Pause("first?")

    @node(pauses=True)
    async def second(self) -> int:
        raise Pause("second?")

    @node(pauses=True)
    async def third(self, first, second) -> int:
        raise Pause("third?")

    @node
    async def whole(self, first, second, third):
        return first + second + third


async def test_two_nodes_pause_at_once_and_a_third_after_them(prepare, log):
    run = await paused(prepare, Twice, unused=1)
    assert run.paused == {"first": "first?", "second": "second?"}
    checkpoint = run.checkpoint()
    assert checkpoint.paused == ("first", "second")
    with pytest.raises(CheckpointError, match="waits for 'second'"):
        prepare(Twice, {"checkpoint": checkpoint, "answers": {"first": 1}})

    run = prepare(Twice, {"checkpoint": checkpoint, "answers": {"first": 1, "second": 2}})
    await run.execute()
    assert run.paused == {"third": "third?"}
    checkpoint = Checkpoint.model_validate_json(run.checkpoint().model_dump_json())
    run = prepare(Twice, {"checkpoint": checkpoint, "answers": {"third": 3}})
    await run.execute()
    assert run.value("whole") == 6
    assert [span.node for span in run.spans()] == ["first", "second", "third", "whole"]


async def test_a_node_that_may_pause_does_not_have_to(prepare):
    class G(Graph):
        inputs = ("ask",)

        @node(pauses=True)
        async def a(self, ask) -> int:
            if ask:
                raise Pause("a?")
            return 1

    run = prepare(G, ask=False)
    await run.execute()
    assert (run.paused, run.value("a")) == ({}, 1)


@pytest.mark.parametrize("optional", [False, True])
async def test_a_pause_that_is_not_declared_is_an_error_of_the_node(prepare, optional):
    class G(Graph):
        @node(optional=optional)
        async def a(self):
            raise Pause("a?")

        @node
        async def b(self, a="default"):
            return a

    run = prepare(G)
    if optional:
        await run.execute()
        assert run.value("b") == "default"
        assert run.degradations[0].error.startswith("NodeError: node 'a' pauses and is not declared so")
    else:
        with pytest.raises(NodeError, match="node 'a' pauses and is not declared so: pauses=True"):
            await run.execute()
    assert run.paused == {}


async def test_a_pause_in_answer_to_a_cancellation_is_a_cancellation(prepare):
    class G(Graph):
        @node(pauses=True)
        async def a(self) -> int:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                raise Pause("a?") from None

    run = prepare(G)
    task = asyncio.create_task(run.execute())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert run.paused == {}


# Runs that were interrupted


class Steps(Graph):
    def __init__(self, fails=False):
        self.fails, self.ran = fails, []

    @node
    async def a(self) -> int:
        self.ran.append("a")
        await asyncio.sleep(1)
        return 1

    @node
    async def b(self, a) -> int:
        self.ran.append("b")
        await asyncio.sleep(1)
        if self.fails:
            raise ConnectionError
        return a + 1

    @node
    async def beside(self) -> str:
        self.ran.append("beside")
        await asyncio.sleep(1.5)
        return "beside"

    @node
    async def c(self, b, beside) -> int:
        self.ran.append("c")
        return b + 1


async def test_a_failed_run_goes_on_with_what_is_missing(prepare):
    run = prepare(Steps(fails=True))
    with pytest.raises(ConnectionError):
        await run.execute()
    checkpoint = Checkpoint.model_validate_json(run.checkpoint().model_dump_json())
    assert checkpoint.values == {"a": 1, "beside": "beside"}
    target = Steps()
    again = prepare(target, {"checkpoint": checkpoint})
    await again.execute()
    assert target.ran == ["b", "c"]
    assert again.value("c") == 3
    assert [(span.node, span.status, span.start) for span in again.spans()] == [
        ("a", "success", 0),
        ("beside", "success", 0),
        ("b", "failed", 1),
        ("b", "success", 2),
        ("c", "success", 3),
    ]


@pytest.mark.parametrize(("after", "ran"), [(0.5, ["a", "beside", "b", "c"]), (1.2, ["b", "beside", "c"])])
async def test_a_cancelled_run_goes_on_with_what_is_missing(prepare, after, ran):
    run = prepare(Steps())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(after):
            await run.execute()
    target = Steps()
    again = prepare(target, {"checkpoint": run.checkpoint()})
    await again.execute()
    assert sorted(target.ran) == sorted(ran)
    assert again.value("c") == 3
    assert again.seconds == pytest.approx(after + (2 if after < 1 else 1.5))


async def test_a_finished_run_has_nothing_left_to_do(prepare, log):
    run = prepare(Steps())
    await run.execute()
    log.lines.clear()
    again = prepare(Steps, {"checkpoint": run.checkpoint()})
    await again.execute()
    assert log.lines == [("run",), ("run", "success")]
    assert again.value("c") == 3


async def test_what_json_cannot_hold_is_made_again_and_nothing_else(prepare):
    class G(Graph):
        def __init__(self):
            self.ran = []

        @node
        async def connection(self):
            self.ran.append("connection")
            return object()

        @node
        async def read(self, connection) -> int:
            self.ran.append("read")
            return 1

        @node
        async def last(self, read, connection) -> int:
            self.ran.append("last")
            if self.fails:
                raise ConnectionError
            return read + 1

    target = G()
    target.fails = True
    run = prepare(target)
    with pytest.raises(ConnectionError):
        await run.execute()
    again = G()
    again.fails = False
    run = prepare(again, {"checkpoint": run.checkpoint()})
    await run.execute()
    assert again.ran == ["connection", "last"]
    assert run.value("last") == 2


async def test_an_optional_failure_is_not_tried_again_after_a_pause(prepare):
    checkpoint = (await paused(prepare)).checkpoint()
    assert checkpoint.absent == {"history": "failed", "skipped": "skipped"}
    options = {"checkpoint": checkpoint, "answers": {"approved": frozenset()}}
    target = Approval()
    run = prepare(target, options, query=["1", "x"])
    await run.execute()
    assert "history" not in target.ran
    # A checkpoint of the resumed run still knows.
    assert run.checkpoint().absent == checkpoint.absent


# What a checkpoint may hold is checked when the class is defined


async def nothing_declared(self):
    return 1


async def anything(self) -> Any:
    return 1


async def an_object(self) -> object:
    return 1


class Opaque:
    pass


async def opaque(self) -> Opaque:
    return Opaque()


async def unknown(self) -> "Unknown":  # noqa: F821
    return 1


async def stream(self):
    yield Done(1)


async def stream_of_what(self) -> AsyncIterator[int]:
    yield Done(1)


@pytest.mark.parametrize(
    ("method", "why"),
    [
        (nothing_declared, "it declares no return type"),
        (anything, "its declared type is Any"),
        (an_object, "its declared type is object"),
        (opaque, f"its type {Opaque!r} is not one that JSON can hold"),
        (unknown, "its return type 'Unknown' names something unknown here"),
        (stream, "it declares no return type"),
        (stream_of_what, "it streams, and its type does not say Done[…] of what"),
    ],
)
def test_a_value_that_json_cannot_hold_before_a_pause_is_an_error(method, why):
    async def ask(self) -> str:
        raise Pause(None)

    namespace = {"before": node(makes="before")(method), "ask": node(pauses=True)(ask)}
    with pytest.raises(PlanError) as raised:
        type("G", (Graph,), namespace)
    message = str(raised.value)
    assert message.startswith("node 'G.before' (test_checkpoint.py:")
    assert "may have run when 'ask' pauses, and its value cannot be written into a checkpoint" in message
    assert why in message
    assert "\n" not in message


def test_what_runs_only_after_the_pause_may_be_anything():
    class G(Graph):
        @node(pauses=True)
        async def ask(self) -> str:
            raise Pause(None)

        @node
        async def after(self, ask):
            return object()

        @fan_out("item", over="after")
        async def each(self, item) -> Opaque:
            return Opaque()

    assert G.plan.fingerprint


def test_the_message_names_the_pause_that_matters():
    with pytest.raises(PlanError, match=r"node 'G\.between' .* may have run when 'late' pauses"):

        class G(Graph):
            @node(pauses=True)
            async def early(self) -> str:
                raise Pause(None)

            @node
            async def between(self, early):
                return 1

            @node(pauses=True)
            async def late(self, between) -> str:
                raise Pause(None)


def test_constraints_and_forward_names_are_types_too():
    class G(Graph):
        @node
        async def a(self) -> Annotated[int, Field(ge=0)]:
            return 1

        @node
        async def b(self) -> "Plan":
            return PLAN

        @node(pauses=True)
        async def ask(self) -> str:
            raise Pause(None)

    with pytest.raises(CheckpointError, match="'a' no longer fits"):
        G.plan.types.read("a", -1)
    assert G.plan.types.read("b", G.plan.types.write("b", PLAN)) == PLAN


def test_a_checkpoint_is_frozen():
    checkpoint = Checkpoint(
        fingerprint="f",
        seconds=0,
        values={},
        absent={},
        paused=(),
        spans=(Span("a", "success", 0, 1),),
        degradations=(Degradation("a", "r", "E", 1),),
    )
    assert Checkpoint.model_validate_json(checkpoint.model_dump_json()) == checkpoint
    with pytest.raises(ValueError, match="frozen"):
        checkpoint.seconds = 1.0
