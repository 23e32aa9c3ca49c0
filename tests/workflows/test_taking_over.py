"""A run that was cut off anywhere goes on at another worker as if nothing had happened."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tests.store_database import DIALECTS
from tests.workflows.conftest import FACT, Open, free_echo

from vital_shared import BaseWorkflow, Pause, Skip, Workflow, fan_out, node, repeat, subworkflow
from vital_shared.errors import RunFailed, StoreError
from vital_shared.events.memory import MemoryLog
from vital_shared.models.event import Event, NodeStarted, RunFinished, RunPaused
from vital_shared.models.workflow_io import WorkflowInput, WorkflowOutput
from vital_shared.monitoring.counted import counted
from vital_shared.store.account_tables import ledger, reservations
from vital_shared.store.durable_tables import run_nodes, workers
from vital_shared.store.tables import messages
from vital_shared.testing import CannedSource, question
from vital_shared.workflows.decision import Decision
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.services import Services

pytestmark = pytest.mark.parametrize("store_address", DIALECTS, indirect=True)

LONG = 0.03
"""Seconds that make a node costly."""


class Gate:
    """A place where a run of one worker waits, and where its death is."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self.runs = Counter[str]()
        """Runs of each node."""

    async def wait(self) -> None:
        self.reached.set()
        await self.opened.wait()

    async def count(self, name: str, seconds: float = LONG) -> None:
        self.runs[name] += 1
        await asyncio.sleep(seconds)


gate = Gate()


@pytest.fixture(autouse=True)
def _new_gate() -> None:
    gate.__init__()  # type: ignore[misc]  # each test begins anew


async def stored(services: Services, table: Any) -> int:
    async with services.database.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def until_stored(services: Services, *names: str) -> None:
    """Wait until nodes are in the store."""
    async with asyncio.timeout(10):
        while True:
            async with services.database.connect() as connection:
                found = set(await connection.scalars(select(run_nodes.c.node)))
            if found >= set(names):
                return
            await asyncio.sleep(0.01)


async def expire(services: Services, worker: Services) -> None:
    statement = update(workers).where(workers.c.id == worker.lease.id).values(lease_until=1.0)
    async with services.database.begin() as connection:
        await connection.execute(statement)


async def taken(workflow: type[Workflow[Any, Any]], dead: Services, alive: Services) -> RunHandle:
    """Let another worker take over the run of one that seems to be dead."""
    await expire(alive, dead)
    (orphan,) = await alive.runs.orphans.find()
    run = await alive.runs.take_over(orphan, deadline_at=alive.now() + timedelta(minutes=5))
    assert run is not None
    return await workflow(alive).begin_taken_over(run)


@pytest.fixture
async def pair(open_services: Open) -> tuple[Services, Services]:
    """Two workers with one store."""
    return (
        await open_services(lease_seconds=60, sources=[CannedSource([FACT])], tools=[free_echo]),
        await open_services(lease_seconds=60, sources=[CannedSource([FACT])], tools=[free_echo]),
    )


async def cut_off(
    workflow: type[Workflow[Any, Any]], pair: tuple[Services, Services], *names: str, **fields: Any
) -> tuple[WorkflowOutput, list[Event]]:
    """Run on one worker as far as the gate, go on at the other, and let the first one find out.

    :param names: the nodes that are stored by then.
    """
    dead, alive = pair
    begun = await workflow(dead).begin(question("?", **fields))
    running = asyncio.create_task(begun.run())
    await gate.reached.wait()
    await until_stored(alive, *names)
    handle = await taken(workflow, dead, alive)
    gate.opened.set()
    output = await handle.answer()
    await finished(running)
    assert begun.has_departed
    assert isinstance(begun.error, RunFailed)
    assert begun.error.error_type == "superseded"
    assert await stored(alive, run_nodes) == 0
    return output, list(events_of(handle.log))


async def finished(running: asyncio.Task[None]) -> None:
    async with asyncio.timeout(10):
        await asyncio.wait([running])


def events_of(log: MemoryLog) -> list[Event]:
    found = [log.event(seq) for seq in range(log.first_seq, log.last_seq + 1)]
    return [event for event in found if event is not None]


def numbers(events: list[Event]) -> list[int]:
    return [event.seq for event in events]


class Plain(Workflow):
    durable = "nodes"

    @node
    async def costly(self, query: str) -> int:
        await gate.count("costly")
        return 7

    @node
    async def cheap(self, costly: int) -> int:
        await gate.count("cheap", 0)
        return costly + 1

    @node
    async def answer(self, cheap: int) -> str:
        await gate.count("answer", 0)
        await gate.wait()
        return f"{cheap}"


async def test_a_costly_node_is_not_run_again_and_a_cheap_one_is(pair):
    with counted() as growth:
        output, events = await cut_off(Plain, pair, "costly")
    assert growth("vital_workflow_requests_total") == 1
    assert growth("vital_workflow_requests_total", outcome="success") == 1
    assert output.response == "8"
    assert gate.runs == {"costly": 1, "cheap": 2, "answer": 2}
    assert numbers(events) == list(range(1, len(events) + 1))
    assert isinstance(events[-1], RunFinished)
    assert {event.epoch for event in events} == {0, 1}
    lines = [timing.node for timing in output.timings.nodes]
    assert lines == ["costly", "cheap", "answer"]
    assert output.timings.total_seconds > LONG


class Choices(Workflow):
    """Nodes that fail, time out, are skipped, degrade, and run for each item of a list."""

    durable = "nodes"

    @node(optional=True)
    async def failing(self, query: str) -> int:
        await gate.count("failing")
        raise ValueError("no")

    @node(optional=True, timeout=LONG)
    async def late(self, query: str) -> int:
        await gate.count("late", 10)
        return 1

    @node(optional=True)
    async def skipping(self, query: str) -> int:
        await gate.count("skipping")
        raise Skip

    @node
    async def items(self, query: str) -> tuple[int, ...]:
        return (1, 2, 3)

    @fan_out("item", over="items")
    async def each(self, item: int) -> int:
        await gate.count(f"item {item}")
        if item == 2:
            raise ValueError("two")
        return item * 10

    @node
    async def answer(
        self, each: tuple[Any, ...], failing: int = -1, late: int = -2, skipping: int = -3
    ) -> str:
        await gate.wait()
        return f"{failing} {late} {skipping} {[outcome.value for outcome in each]}"


async def test_failed_late_skipped_and_fanned_out_nodes_stay_as_they_were(pair):
    output, _ = await cut_off(Choices, pair, "failing", "late", "skipping", "each")
    assert output.response == "-1 -2 -3 [10, None, 30]"
    assert gate.runs == dict.fromkeys(("failing", "late", "skipping", "item 1", "item 2", "item 3"), 1)
    statuses = {timing.node: timing.status for timing in output.timings.nodes}
    assert statuses["failing"] == "failed"
    assert statuses["late"] == "timeout"
    assert statuses["skipping"] == "skipped"


class Text(WorkflowInput):
    text: str = ""


class Round(Workflow[Text]):
    @node
    async def answer(self, text: str) -> str:
        await gate.count("round")
        return text + "!"


class Part(Workflow):
    @node
    async def inner(self, query: str) -> str:
        await gate.count("inner")
        return "part"

    @node
    async def answer(self, inner: str) -> str:
        await gate.count("outer")
        return inner


class Composed(Workflow):
    durable = "nodes"
    part = subworkflow(Part)
    loop = repeat(Round, carry="text", until=lambda text: text.endswith("!!"), limit=3, text="part")

    @node
    async def answer(self, loop: str) -> str:
        await gate.wait()
        return loop


async def test_loops_and_parts_are_not_run_again(pair):
    output, _ = await cut_off(Composed, pair, "part.inner", "part.answer", "loop")
    assert output.response == "part!!"
    assert gate.runs == {"inner": 1, "outer": 1, "round": 2}
    lines = [timing.node for timing in output.timings.nodes]
    assert lines == ["part.inner", "part.answer", "loop", "loop.1.answer", "loop.2.answer", "answer"]


class Asking(Workflow):
    durable = "nodes"

    @node
    async def before(self, query: str) -> str:
        await gate.count("before")
        return "before"

    @node(pauses=True)
    async def colour(self, before: str) -> str:
        raise Pause("Which colour?")

    @node
    async def after(self, colour: str) -> str:
        await gate.count("after")
        return f"after {colour}"

    @node
    async def answer(self, after: str, before: str) -> str:
        await gate.wait()
        return f"{before} {after}"


async def test_a_run_that_was_resumed_goes_on_with_the_decision(pair):
    dead, alive = pair
    paused = await Asking(dead).execute_typed(question("?"))
    assert paused.status == "awaiting_approval"
    assert await stored(dead, run_nodes) == 0
    resumed = await Asking(dead).begin_resumed(paused.run_id, Decision((), {}, {}, {"colour": "red"}, None))
    running = asyncio.create_task(resumed.run())
    await gate.reached.wait()
    await until_stored(alive, "after")
    handle = await taken(Asking, dead, alive)
    gate.opened.set()
    output = await handle.answer()
    await finished(running)
    assert output.response == "before after red"
    assert gate.runs == {"before": 1, "after": 1}
    assert resumed.has_departed
    assert (await alive.runs.get(paused.run_id, tenant_id=None)).epoch == 2


class PausingLate(Asking):
    @node(pauses=True)
    async def colour(self, before: str) -> str:
        await gate.wait()
        raise Pause("Which colour?")

    @node
    async def answer(self, after: str, before: str) -> str:
        return f"{before} {after}"


async def test_a_run_that_was_taken_over_pauses_once_and_is_resumed_anywhere(pair):
    dead, _ = pair
    paused, events = await cut_off(PausingLate, pair, "before")
    assert paused.status == "awaiting_approval"
    assert sum(isinstance(event, RunPaused) for event in events) == 1
    output = await PausingLate(dead).resume(paused.run_id, answers={"colour": "red"})
    assert output.response == "before after red"
    assert gate.runs == {"before": 1, "after": 1}


class Chat(BaseWorkflow):
    durable = "nodes"

    @node
    async def last(self, answer: Any) -> str:
        await gate.wait()
        return "last"


async def test_a_conversation_gets_one_turn_and_the_ledger_each_call_once(pair):
    dead, _ = pair
    output, events = await cut_off(
        Chat,
        pair,
        "rag_retrieval",
        "answer",
        mode="4",
        session_id="s",
        model="canned",
    )
    assert output.response == "It takes 42 days [1]."
    assert len(output.model_calls) == 1
    assert output.citations
    assert await stored(dead, messages) == 2
    assert await stored(dead, ledger) == 3, "a search of each of two sources, and a call of the model"
    assert await stored(dead, reservations) == 0
    assert sum(isinstance(event, NodeStarted) and event.node == "answer" for event in events) == 1


async def test_a_run_that_is_handed_over_keeps_what_it_has_paid_for(pair):
    dead, alive = pair
    begun = await Chat(dead).begin(question("?", model="canned"))
    running = asyncio.create_task(begun.run())
    await gate.reached.wait()
    begun.hand_over()
    await finished(running)
    assert begun.error is not None
    assert begun.error.error_type == "handed_over"
    handle = await taken(Chat, dead, alive)
    gate.opened.set()
    output = await handle.answer()
    assert output.response == "It takes 42 days [1]."
    assert await stored(dead, ledger) == 3


async def test_a_resumption_that_fails_before_its_claim_leaves_the_run_waiting(pair, monkeypatch):
    dead, _ = pair
    paused = await Asking(dead).execute_typed(question("?"))

    async def broken(run_id: str) -> tuple[()]:
        raise StoreError("away")

    with monkeypatch.context() as away:
        away.setattr(dead.runs, "charges", broken)
        with pytest.raises(StoreError):
            await Asking(dead).resume(paused.run_id, answers={"colour": "red"})
    gate.opened.set()
    assert (
        await Asking(dead).resume(paused.run_id, answers={"colour": "red"})
    ).response == "before after red"


class Differing(Workflow):
    durable = "nodes"

    @node
    async def answer(self, query: str) -> str:
        gate.runs["answer"] += 1
        return f"answer {gate.runs['answer']}"


class Refusing(Differing):
    @node
    async def answer(self, query: str) -> str:
        gate.runs["answer"] += 1
        raise ValueError(f"failure {gate.runs['answer']}")


def cut_from_store(worker: Services, patch: pytest.MonkeyPatch) -> None:
    """Let a worker not reach the store with the ends of its runs, while others do."""

    async def away(*_: Any, **__: Any) -> bool:
        raise StoreError("away")

    patch.setattr(worker.runs, "complete", away)
    patch.setattr(worker.runs, "fail", away)


async def test_an_answer_that_readers_have_stays_the_answer_though_its_worker_could_not_store_it(
    pair, monkeypatch
):
    dead, alive = pair
    cut_from_store(dead, monkeypatch)
    begun = await Differing(dead).begin(question("?"))
    streamed = await begun.answer()
    with counted() as growth:
        handle = await taken(Differing, dead, alive)
        output = await handle.answer()
    assert output.response == streamed.response == "answer 1"
    assert gate.runs == {"answer": 1}
    record = await alive.runs.get(begun.run_id, tenant_id=None)
    assert (record.status, record.output) == ("completed", streamed)
    events = list(events_of(handle.log))
    assert numbers(events) == list(range(1, len(events) + 1))
    assert sum(isinstance(event, RunFinished) for event in events) == 1
    assert growth("vital_workflow_requests_total") == 0, "its first worker has counted it"
    assert await stored(alive, run_nodes) == await stored(alive, reservations) == 0


async def test_a_failure_that_readers_have_stays_the_end(pair, monkeypatch):
    dead, alive = pair
    cut_from_store(dead, monkeypatch)
    begun = await Refusing(dead).begin(question("?"))
    with pytest.raises(RunFailed):
        await begun.answer()
    handle = await taken(Refusing, dead, alive)
    with pytest.raises(RunFailed, match="ValueError"):
        await handle.answer()
    assert gate.runs == {"answer": 1}
    assert (await alive.runs.get(begun.run_id, tenant_id=None)).status == "failed"


class Held(Differing):
    @node
    async def answer(self, query: str) -> str:
        gate.runs["answer"] += 1
        number = gate.runs["answer"]
        await gate.wait()
        return f"answer {number}"


class HeldRefusing(Held):
    @node
    async def answer(self, query: str) -> str:
        raise ValueError(await super().answer(query))


@pytest.mark.parametrize("workflow", [Held, HeldRefusing])
async def test_an_end_that_no_reader_could_have_before_the_takeover_is_given_to_none(
    pair, monkeypatch, workflow: type[Held]
):
    dead, alive = pair
    cut_from_store(dead, monkeypatch)
    begun = await workflow(dead).begin(question("?"))
    running = asyncio.create_task(begun.run())
    await gate.reached.wait()
    handle = await taken(workflow, dead, alive)
    gate.opened.set()
    with counted() as growth:
        await finished(running)
    assert begun.error is not None
    assert (begun.error.error_type, begun.has_departed) == ("superseded", True)
    assert not any(event.type in ("run_finished", "run_failed") for event in events_of(begun.log))
    assert growth("vital_workflow_requests_total") == 0
    if workflow is Held:
        assert (await handle.answer()).response == "answer 2"
