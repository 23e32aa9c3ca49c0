"""Nodes with effects: their start is written down before their code runs, and what was begun is not repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from vital_shared.graph import (
    EffectInterrupted,
    Graph,
    InterruptedEffect,
    Node,
    PlanError,
    Retry,
    Run,
    fan_out,
    node,
    repeat,
)


class Guard:
    """A guard that remembers what earlier processes have begun."""

    def __init__(self, begun: Collection[str] = ()) -> None:
        self.earlier = set(begun)
        self.begun: list[str] = []

    def check(self, node: Node, kept: Collection[int] = ()) -> None:
        if node.name not in self.earlier:
            return
        if node.declaration.if_interrupted == "fail":
            raise EffectInterrupted(f"'{node.name}' was cut off.", node=node.name)
        raise InterruptedEffect(node)

    async def begin(self, node: Node, part: int | None = None) -> None:
        await asyncio.sleep(0)
        self.begun.append(node.name if part is None else f"{node.name}[{part}]")


class Mailing(Graph):
    inputs = ("text",)

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.sent: list[str] = []

    @node
    async def draft(self, text: str) -> str:
        return f"Dear all, {text}"

    @node(effects=True)
    async def receipt(self, draft: str) -> int:
        assert self.guard.begun == ["receipt"]
        self.sent.append(draft)
        return len(self.sent)

    @node
    async def length(self, draft: str) -> int:
        return len(draft)

    @node
    async def result(self, receipt: int, length: int) -> str:
        return f"{receipt} {length}"


def mailing(guard: Guard, **more: object) -> Run:
    return Run(Mailing.plan, Mailing(guard), {"text": "hello"}, effect_guard=guard, **more)  # type: ignore[arg-type]


async def test_a_start_is_written_down_before_the_code_runs() -> None:
    run = mailing(Guard())
    await run.execute()
    assert run.value("result") == "1 15"


async def test_what_was_begun_elsewhere_pauses_the_run_with_a_question() -> None:
    guard = Guard(begun=["receipt"])
    run = mailing(guard)
    await run.execute()
    assert run.target.sent == []  # type: ignore[attr-defined]
    assert guard.begun == []
    assert run.interrupted == {"receipt"}
    assert run.paused["receipt"]["interrupted"] == "receipt"
    assert "did it happen?" in run.paused["receipt"]["question"]
    assert run.value("length") == 15  # what does not depend on it is done

    resumed = mailing(Guard(), checkpoint=run.checkpoint(), answers={"receipt": 7})
    await resumed.execute()
    assert resumed.value("result") == "7 15"
    assert resumed.target.sent == []  # type: ignore[attr-defined]


async def test_a_declared_failure_fails_the_run_in_place_of_asking() -> None:
    class Paying(Graph):
        @node(effects=True, if_interrupted="fail")
        async def paid(self) -> bool:
            raise AssertionError

    run = Run(Paying.plan, Paying(), {}, effect_guard=Guard(begun=["paid"]))
    with pytest.raises(EffectInterrupted):
        await run.execute()


async def test_retries_and_threads_are_begun_once_and_before() -> None:
    class Flaky(Graph):
        tries = 0

        @node(effects=True, retry=Retry(on=(ValueError,), backoff_seconds=0))
        async def first(self) -> int:
            self.tries += 1
            if self.tries < 2:
                raise ValueError
            return self.tries

        @node(effects=True)
        def second(self, first: int) -> int:
            return first + 1

    guard = Guard()
    run = Run(Flaky.plan, Flaky(), {}, effect_guard=guard)
    await run.execute()
    assert run.value("second") == 3
    assert guard.begun == ["first", "second"]


class Round(Graph):
    inputs = ("count",)

    @node
    async def thought(self, count: int) -> int:
        return count

    @node(effects=True)
    async def result(self, thought: int) -> int:
        return thought + 1


class Looping(Graph):
    inputs = ("count",)
    counted = repeat(Round, carry="count", until=lambda value: value >= 3, limit=5)


async def test_a_loop_begins_with_the_first_effect_of_its_rounds_and_is_one_effect() -> None:
    guard = Guard()
    run = Run(Looping.plan, Looping(), {"count": 0}, effect_guard=guard)
    await run.execute()
    assert run.value("counted") == 3
    assert set(guard.begun) == {"counted[1]", "counted[2]", "counted[3]"}

    cut = Run(Looping.plan, Looping(), {"count": 0}, effect_guard=Guard(begun=["counted"]))
    await cut.execute()
    assert cut.interrupted == {"counted"}


class Letters(Graph):
    inputs = ("names",)

    def __init__(self) -> None:
        self.sent: list[str] = []

    @fan_out("name", over="names", effects=True)
    async def letters(self, name: str) -> str:
        self.sent.append(name)
        return name.upper()


class Invoices(Letters):
    @fan_out("name", over="names", effects=True, if_interrupted="fail")
    async def letters(self, name: str) -> str:
        self.sent.append(name)
        return name.upper()


async def test_the_start_of_a_fan_out_and_of_each_of_its_items_is_written_down() -> None:
    guard, letters = Guard(), Letters()
    run = Run(Letters.plan, letters, {"names": ("ann", "bob")}, effect_guard=guard)
    await run.execute()
    assert [outcome.value for outcome in run.value("letters")] == ["ANN", "BOB"]
    assert guard.begun == ["letters", "letters[0]", "letters[1]"]
    assert letters.sent == ["ann", "bob"]


async def test_a_fan_out_that_was_cut_off_asks_or_fails_and_repeats_no_item() -> None:
    letters, invoices = Letters(), Invoices()
    cut = Run(Letters.plan, letters, {"names": ("ann",)}, effect_guard=Guard(begun=["letters"]))
    await cut.execute()
    assert cut.interrupted == {"letters"}
    failing = Run(Invoices.plan, invoices, {"names": ("ann",)}, effect_guard=Guard(begun=["letters"]))
    with pytest.raises(EffectInterrupted):
        await failing.execute()
    assert letters.sent == invoices.sent == []


def test_a_wrong_declaration_is_an_error_at_definition() -> None:
    with pytest.raises(PlanError, match="write 'ask' or 'fail'"):

        class Odd(Graph):
            @node(effects=True, if_interrupted="retry")  # type: ignore[call-overload]
            async def sent(self) -> None: ...

    with pytest.raises(PlanError, match="write effects=True too"):

        class Without(Graph):
            @node(if_interrupted="fail")
            async def sent(self) -> None: ...
