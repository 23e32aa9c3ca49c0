"""The items of a fan-out, and the rounds of a loop, that have finished do not run again in another worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.workflows.interrupted.world import cut_off, go_on, record, world

from vital_shared import Done, Outcome, Workflow, fan_out, node, repeat
from vital_shared.graph import FinishedNode, Graph, Run, part_key
from vital_shared.models.event import Event, NodeFinished, NodeStarted, NodeYielded, Superseded
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.store.call_log import StoredCallLog
from vital_shared.testing import ScriptedModel, asks_for, says
from vital_shared.tools.base import tool
from vital_shared.workflows import part_records
from vital_shared.workflows.interrupted import EarlierEffects, StoredEffects
from vital_shared.workflows.node_writer import COSTLY_SECONDS, PART_SECONDS
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.services import Services

LONG = 2 * COSTLY_SECONDS
"""Seconds that make an item or a round costly."""


class Letters(Workflow):
    """Three letters, of which the last waits; the second fails."""

    durable = "nodes"

    @node
    async def names(self, query: str) -> tuple[str, ...]:
        return ("ann", "bob", "cyd")

    @fan_out("name", over="names", limit=1, degradation="no_letter")
    async def letters(self, name: str) -> str:
        world.sent.append(name)
        if name == "cyd":
            world.begun.set()
            await world.gate.wait()
        await asyncio.sleep(LONG)
        if name == "bob":
            raise ValueError("no such address")
        return f"Dear {name} {world.sent.count(name)}"

    @node
    async def answer(self, letters: Sequence[Outcome[str]]) -> str:
        return ", ".join(f"{each.status} {each.value}" for each in letters)


async def taken_over(pair: tuple[Services, Services], workflow: type[Workflow]) -> tuple[Any, WorkflowOutput]:
    """Let one worker leave a run, and the other end it; return its handle there, and its answer."""
    dead, alive = pair
    run_id = await cut_off(dead, workflow)
    world.gate.set()
    handle = await go_on(alive, workflow)
    ended = await record(alive, run_id)
    assert ended.output is not None
    assert await alive.runs.finished_nodes(run_id) == {}
    return handle, ended.output


async def test_items_that_have_finished_are_not_run_again_and_a_failed_one_stays_so(
    dead_and_alive: tuple[Services, Services],
) -> None:
    _, output = await taken_over(dead_and_alive, Letters)
    assert output.response == "success Dear ann 1, failed None, success Dear cyd 2"
    assert world.sent == ["ann", "bob", "cyd", "cyd"]
    assert output.is_degraded


class Shuffled(Letters):
    """Its list is another one in each worker, since it costs nothing, and is made again."""

    @node
    async def names(self, query: str) -> tuple[str, ...]:
        return ("bob", "ann", "cyd", "ann") if world.sent else ("ann", "ann", "cyd")


async def test_an_item_at_another_place_is_another_item(dead_and_alive: tuple[Services, Services]) -> None:
    _, output = await taken_over(dead_and_alive, Shuffled)
    assert world.sent == ["ann", "ann", "cyd", "bob", "cyd", "ann"]
    assert output.response == "failed None, success Dear ann 2, success Dear cyd 2, success Dear ann 3"


class CountInput(WorkflowInput):
    count: int


class CountRound(Workflow[CountInput, int]):
    """A round that counts, and shows it; the third one waits."""

    @node
    async def noted(self, count: int) -> AsyncIterator[str | Done[int]]:
        world.sent.append(f"round {count}")
        if count == 2:
            world.begun.set()
            await world.gate.wait()
        await asyncio.sleep(LONG)
        yield f"counted {count}"
        yield Done(count)

    @node
    async def result(self, noted: int) -> int:
        return noted + 1


class Counting(Workflow):
    durable = "nodes"

    @node
    async def zero(self, query: str) -> int:
        return 0

    counted = repeat(CountRound, carry="count", until=lambda count: count >= 3, limit=5, count="zero")

    @node
    async def answer(self, counted: int) -> str:
        return f"{counted}"


async def test_rounds_that_have_finished_are_not_run_again_and_their_lines_stay(
    dead_and_alive: tuple[Services, Services],
) -> None:
    handle, output = await taken_over(dead_and_alive, Counting)
    assert output.response == "3"
    assert world.sent == ["round 0", "round 1", "round 2", "round 2"]
    lines = [timing.node for timing in output.timings.nodes if timing.node.startswith("counted.")]
    assert sorted(lines) == sorted(
        f"counted.{number}.{name}" for number in (1, 2, 3) for name in ("noted", "result")
    )
    events = valid_events(handle)
    assert [event.value for event in events if isinstance(event, NodeYielded)] == [
        f"counted {count}" for count in range(3)
    ]
    started = [event.node for event in events if isinstance(event, NodeStarted)]
    assert started.count("counted.1.noted") == 1
    ended = [event.node for event in events if isinstance(event, NodeFinished)]
    assert ended.count("counted.2.noted") == 1


def valid_events(handle: RunHandle) -> list[Event]:
    """Return what a reader is left with that drops what is void."""
    valid: list[Event] = []
    for seq in range(handle.log.first_seq, handle.log.last_seq + 1):
        event = handle.log.event(seq)
        assert event is not None
        if isinstance(event, Superseded):
            valid = [each for each in valid if each.seq < event.from_seq]
        else:
            valid.append(event)
    return valid


class Shown(Workflow):
    """Items that show something; the last waits. The second one changes where `changes` is set."""

    durable = "nodes"
    changes = False

    @node
    async def names(self, query: str) -> tuple[str, ...]:
        return ("ann", "ben" if self.changes and world.sent else "bob", "cyd")

    @fan_out("name", over="names", limit=1)
    async def shown(self, name: str) -> AsyncIterator[str | Done[str]]:
        world.sent.append(name)
        yield f"{name} {len(world.sent)}"
        if name == "cyd":
            world.begun.set()
            await world.gate.wait()
        await asyncio.sleep(LONG)
        yield Done(name)

    @node
    async def answer(self, shown: Sequence[Outcome[str]]) -> str:
        return " ".join(each.value or "" for each in shown)


class ShownAndChanged(Shown):
    changes = True


@pytest.mark.parametrize(
    ("workflow", "shown"),
    [(Shown, ["ann 1", "bob 2", "cyd 4"]), (ShownAndChanged, ["ann 1", "ben 4", "cyd 5"])],
)
async def test_readers_have_what_each_item_shows_once(
    dead_and_alive: tuple[Services, Services], workflow: type[Workflow], shown: list[str]
) -> None:
    handle, _ = await taken_over(dead_and_alive, workflow)
    events = valid_events(handle)
    assert [event.value for event in events if isinstance(event, NodeYielded)] == shown


class Swallowing(Letters):
    """Its last item takes its cancellation for a failure."""

    @fan_out("name", over="names")
    async def letters(self, name: str) -> str:
        world.sent.append(name)
        try:
            if name == "cyd" and world.sent.count("cyd") == 1:
                world.begun.set()
                await asyncio.sleep(LONG)
                await world.gate.wait()
        except asyncio.CancelledError:
            raise ValueError("broken off") from None
        await asyncio.sleep(LONG)
        return f"Dear {name}"


class SwallowingNode(Workflow):
    durable = "nodes"

    @node(optional=True)
    async def sent(self, query: str) -> str:
        world.sent.append(query)
        try:
            if len(world.sent) == 1:
                world.begun.set()
                await asyncio.sleep(LONG)
                await world.gate.wait()
        except asyncio.CancelledError:
            raise ValueError("broken off") from None
        return "Dear all"

    @node
    async def answer(self, sent: str = "nothing") -> str:
        return sent


@pytest.mark.parametrize(
    ("workflow", "response"),
    [(Swallowing, "success Dear ann, success Dear bob, success Dear cyd"), (SwallowingNode, "Dear all")],
)
async def test_what_fails_as_its_worker_leaves_is_no_failure_for_the_next_one(
    dead_and_alive: tuple[Services, Services], workflow: type[Workflow], response: str
) -> None:
    _, output = await taken_over(dead_and_alive, workflow)
    assert output.response == response
    assert not output.is_degraded


class Asked(Letters):
    """Letters by a model, which uses a tool for each."""

    @fan_out("name", over="names", limit=1)
    async def letters(self, name: str) -> str:
        world.sent.append(name)
        if name == "cyd":
            world.begun.set()
            await world.gate.wait()

        @tool(requires_approval=False, read_only=True)
        async def address(of: str) -> str:
            """Look an address up."""
            return f"{of} Street"

        return await self.llm(f"Write to {name}", model="scripted", tools=[address])

    @node
    async def answer(self, letters: Sequence[Outcome[str]]) -> str:
        return " ".join(each.value or "" for each in letters)


def scripted(*names: str) -> ScriptedModel:
    return ScriptedModel(*(script for name in names for script in (asks_for("address", of=name), says(name))))


async def test_calls_of_models_and_their_tools_are_in_the_answer_once_over_two_takeovers(
    open_services: Any,
) -> None:
    first = await open_services(models=[scripted("ann", "bob")])
    second = await open_services(models=[scripted()])
    third = await open_services(models=[scripted("cyd")])
    run_id = await cut_off(first, Asked)
    world.begun.clear()
    await leave(second, Asked)
    world.gate.set()
    await go_on(third, Asked)
    ended = await record(third, run_id)
    assert ended.output is not None
    assert ended.output.response == "ann bob cyd"
    assert len(ended.output.model_calls) == 6
    assert [result.content for result in ended.output.tool_results] == [
        "ann Street",
        "bob Street",
        "cyd Street",
    ]


async def leave(services: Services, workflow: type[Workflow]) -> None:
    """Take the run over, and leave it in its turn."""
    (orphan,) = await services.runs.orphans.find()
    await services.lease.hold()
    taken = await services.runs.take_over(orphan, deadline_at=services.now() + timedelta(minutes=5))
    assert taken is not None
    handle = await workflow(services).begin_taken_over(taken)
    running = asyncio.create_task(handle.run())
    await world.begun.wait()
    handle.hand_over()
    await asyncio.wait([running])
    await services.lease.aclose(gives_up=True)


class Cheap(Letters):
    """Items that cost nothing before the one that waits."""

    @fan_out("name", over="names", limit=1)
    async def letters(self, name: str) -> str:
        world.sent.append(name)
        if name == "cyd":
            world.begun.set()
            await world.gate.wait()
        return name


async def test_items_that_cost_nothing_are_not_stored(dead_and_alive: tuple[Services, Services]) -> None:
    dead, alive = dead_and_alive
    run_id = await cut_off(dead, Cheap)
    assert await alive.runs.finished_nodes(run_id) == {}


async def test_parts_beyond_the_bound_run_again(
    dead_and_alive: tuple[Services, Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_records, "MAX_PART_CHARACTERS", 10)
    await taken_over(dead_and_alive, Letters)
    assert world.sent == ["ann", "bob", "cyd", "bob", "cyd"]


class Followed(Letters):
    """The letters are through, and what follows waits."""

    @fan_out("name", over="names", limit=1)
    async def letters(self, name: str) -> str:
        await asyncio.sleep(2 * PART_SECONDS)
        return name

    @node
    async def answer(self, letters: Sequence[Outcome[str]]) -> str:
        world.begun.set()
        await world.gate.wait()
        return " ".join(each.value or "" for each in letters)


async def test_parts_are_stored_as_they_finish_and_removed_with_their_nodes_value(
    open_services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = await open_services()
    note, stored = services.runs.note_nodes, list[set[str]]()

    async def noting(run_id: str, *arguments: Any, **options: Any) -> bool:
        is_own: bool = await note(run_id, *arguments, **options)
        stored.append(set(await services.runs.finished_nodes(run_id)))
        return is_own

    monkeypatch.setattr(services.runs, "note_nodes", noting)
    await cut_off(services, Followed)
    assert stored[:2] == [{"letters[0]"}, {"letters[0]", "letters[1]"}]
    assert stored[-1] == {"letters"}


class Held(Letters):
    """An answer that waits in the second worker."""

    answering = asyncio.Event()
    may_answer = asyncio.Event()

    @node
    async def answer(self, letters: Sequence[Outcome[str]]) -> str:
        self.answering.set()
        await self.may_answer.wait()
        return "done"


async def test_parts_that_an_earlier_worker_has_stored_are_removed_too(
    dead_and_alive: tuple[Services, Services],
) -> None:
    Held.answering, Held.may_answer = asyncio.Event(), asyncio.Event()
    dead, alive = dead_and_alive
    run_id = await cut_off(dead, Held)
    assert set(await alive.runs.finished_nodes(run_id)) == {"letters[0]", "letters[1]"}
    world.gate.set()
    note, noted = alive.runs.note_nodes, asyncio.Event()

    async def noting(*arguments: Any, **options: Any) -> bool:
        is_own: bool = await note(*arguments, **options)
        noted.set()
        return is_own

    alive.runs.note_nodes = noting  # type: ignore[method-assign]
    running = asyncio.create_task(go_on(alive, Held))
    await Held.answering.wait()
    await noted.wait()
    assert set(await alive.runs.finished_nodes(run_id)) == {"letters"}
    Held.may_answer.set()
    await running


@pytest.mark.parametrize("begun", [{"letters"}, {"letters", "letters[0]", "letters[1]"}])
async def test_effects_are_asked_about_where_an_item_may_have_begun_whose_end_is_not_known(
    begun: set[str],
) -> None:
    run = effects(begun, ["ann"])
    await run.execute()
    assert run.interrupted == {"letters"}
    assert run.target.sent == []  # type: ignore[attr-defined]


async def test_effects_go_on_unasked_where_all_items_that_had_begun_have_ended() -> None:
    run = effects({"letters", "letters[0]"}, ["ann"])
    await run.execute()
    assert [outcome.value for outcome in run.value("letters")] == ["ANN", "BOB"]
    assert run.target.sent == ["bob"]  # type: ignore[attr-defined]


async def test_an_effect_on_what_is_no_longer_in_the_list_is_asked_about() -> None:
    run = effects({"letters", "letters[0]"}, ["somebody else"])
    await run.execute()
    assert run.interrupted == {"letters"}


class Effects(Graph):
    inputs = ("names",)

    def __init__(self) -> None:
        self.sent: list[str] = []

    @fan_out("name", over="names", effects=True)
    async def letters(self, name: str) -> str:
        self.sent.append(name)
        return name.upper()


class BegunEffects:
    """A log of effects that takes all."""

    async def begin_effect(self, name: str) -> None:
        """Note it."""


def effects(begun: set[str], ended: list[str]) -> Run:
    """Make a run that others have begun.

    :param ended: the first items as they were then, whose ends are known.
    """
    parts = {
        f"letters[{index}]": FinishedNode(
            name=f"letters[{index}]",
            status="success",
            value=[{"status": "success", "value": name.upper(), "error": None, "seconds": 0}],
            spans=(),
            key=part_key(name) or "",
        )
        for index, name in enumerate(ended)
    }
    guard = StoredEffects(cast("StoredCallLog", BegunEffects()), EarlierEffects(frozenset(begun)))
    inputs = {"names": ("ann", "bob")}
    return Run(Effects.plan, Effects(), inputs, earlier_parts=parts, effect_guard=guard)
