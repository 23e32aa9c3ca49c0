"""A fan-out with effects whose worker dies: its items are one effect, over a takeover and over single flight."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.workflows.interrupted.world import cut_off, go_on, over_a_takeover, record, world

from vital_shared import Outcome, Workflow, fan_out, node, repeat, subworkflow
from vital_shared.testing import question
from vital_shared.workflows.services import Services


class Letters(Workflow):
    """Three letters, of which the last waits."""

    durable = "nodes"

    @node
    async def names(self, query: str) -> tuple[str, ...]:
        return ("ann", "bob", "cyd")

    @fan_out("name", over="names", effects=True)
    async def letters(self, name: str) -> int:
        world.sent.append(name)
        if name == "cyd":
            world.begun.set()
            await world.gate.wait()
        return len(name)

    @node
    async def answer(self, letters: Sequence[Outcome[int]]) -> str:
        return ", ".join(f"{each.status} {each.value}" for each in letters)


class Failing(Letters):
    @fan_out("name", over="names", effects=True, if_interrupted="fail")
    async def letters(self, name: str) -> int:
        world.sent.append(name)
        if name == "cyd":
            world.begun.set()
            await world.gate.wait()
        return len(name)


class Finished(Letters):
    """The letters have left when the worker dies."""

    @fan_out("name", over="names", effects=True)
    async def letters(self, name: str) -> int:
        world.sent.append(name)
        if name == "bob":
            raise ValueError("no such address")
        return len(name)

    @node
    async def answer(self, letters: Sequence[Outcome[int]]) -> str:
        world.begun.set()
        await world.gate.wait()
        return ", ".join(f"{each.status} {each.value}" for each in letters)


async def test_the_next_worker_asks_once_for_all_items_and_repeats_none(
    dead_and_alive: tuple[Services, Services],
) -> None:
    _, alive = dead_and_alive
    run = await over_a_takeover(dead_and_alive, Letters)
    assert world.sent == ["ann", "bob", "cyd"]
    assert run.status == "awaiting_approval"
    assert run.output is not None
    (asked,) = run.output.required_input
    assert (asked.name, asked.value["unfinished"]) == ("letters", [2])
    outcomes = [
        {"status": "success", "value": 3, "error": None, "seconds": 0.0},
        {"status": "success", "value": 3, "error": None, "seconds": 0.0},
        {"status": "failed", "value": None, "error": "not sent", "seconds": 0.0},
    ]
    decision = {"decision": "done", "value": outcomes}
    output = await Letters(alive).resume(run.id, answers={"letters": decision})
    assert output.response == "success 3, success 3, failed None"
    assert world.sent == ["ann", "bob", "cyd"]


async def test_only_items_that_have_not_finished_are_repeated_where_that_is_decided(
    dead_and_alive: tuple[Services, Services],
) -> None:
    _, alive = dead_and_alive
    run = await over_a_takeover(dead_and_alive, Letters)
    world.gate.set()
    output = await Letters(alive).resume(run.id, answers={"letters": {"decision": "repeat"}})
    assert output.response == "success 3, success 3, success 3"
    assert world.sent == ["ann", "bob", "cyd", "cyd"]
    assert await alive.runs.finished_nodes(run.id) == {}


async def test_a_declared_failure_fails_the_run_and_repeats_no_item(
    dead_and_alive: tuple[Services, Services],
) -> None:
    run = await over_a_takeover(dead_and_alive, Failing)
    assert (run.status, run.error_type, run.error_node) == ("failed", "interrupted", "letters")
    assert world.sent == ["ann", "bob", "cyd"]


async def test_items_that_are_through_are_not_repeated_and_their_outcomes_stay(
    dead_and_alive: tuple[Services, Services],
) -> None:
    dead, alive = dead_and_alive
    run_id = await cut_off(dead, Finished)
    world.gate.set()
    await go_on(alive, Finished)
    ended = await record(alive, run_id)
    assert ended.output is not None
    assert ended.output.response == "success 3, failed None, success 3"
    assert ended.output.is_degraded
    assert world.sent == ["ann", "bob", "cyd"]


class Payment(Workflow):
    """A part of another workflow, with an effect."""

    @node(effects=True)
    async def paid(self, query: str) -> str:
        world.sent.append(query)
        world.begun.set()
        await world.gate.wait()
        return f"{query} paid"

    @node
    async def answer(self, paid: str) -> str:
        return paid


class Paying(Workflow):
    durable = "nodes"
    payment = subworkflow(Payment)

    @node
    async def answer(self, payment: str) -> str:
        return payment


class Repeating(Workflow):
    durable = "nodes"
    payment = repeat(Payment, carry="query", until=lambda text: text.endswith("paid paid"), limit=3)

    @node
    async def answer(self, payment: str) -> str:
        return payment


@pytest.mark.parametrize(("workflow", "name"), [(Paying, "payment.paid"), (Repeating, "payment")])
async def test_an_effect_of_a_part_is_asked_about_and_not_repeated(
    dead_and_alive: tuple[Services, Services], workflow: type[Workflow], name: str
) -> None:
    _, alive = dead_and_alive
    run = await over_a_takeover(dead_and_alive, workflow)
    assert run.output is not None
    assert [each.name for each in run.output.required_input] == [name]
    assert world.sent == ["bees"]
    output = await workflow(alive).resume(run.id, answers={name: {"decision": "done", "value": "TX-17"}})
    assert output.response == "TX-17"
    assert world.sent == ["bees"]


@pytest.mark.parametrize(
    ("workflow", "name", "response"),
    [(Paying, "payment.paid", "bees paid"), (Repeating, "payment", "bees paid paid")],
)
async def test_an_effect_of_a_part_is_repeated_where_that_is_decided(
    dead_and_alive: tuple[Services, Services], workflow: type[Workflow], name: str, response: str
) -> None:
    _, alive = dead_and_alive
    run = await over_a_takeover(dead_and_alive, workflow)
    world.gate.set()
    output = await workflow(alive).resume(run.id, answers={name: {"decision": "repeat"}})
    assert output.response == response


async def test_equal_questions_at_once_are_runs_of_their_own(open_services: Any) -> None:
    services = await open_services()
    asking = [asyncio.create_task(Letters(services).execute_typed(question("bees"))) for _ in range(2)]
    async with asyncio.timeout(10):
        while world.sent.count("cyd") < 2:
            world.begun.clear()
            await world.begun.wait()
    world.gate.set()
    answers = await asyncio.gather(*asking)
    assert {answer.cache_status for answer in answers} == {"bypass"}
    assert sorted(world.sent) == ["ann", "ann", "bob", "bob", "cyd", "cyd"]
