"""A background run that comes back to its queue goes on from what its nodes have made."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from tests.store_database import DIALECTS
from tests.workflows.conftest import Open
from tests.workflows.test_taking_over import stored, until_stored

from vital_shared import Pause, Workflow, node
from vital_shared.errors import AlreadyBegun
from vital_shared.models.cancellation import CancelReason
from vital_shared.models.event import RunFailedEvent, RunFinished, RunStarted, Superseded
from vital_shared.models.money import to_dollars
from vital_shared.store.durable_tables import run_calls, run_nodes, workers
from vital_shared.store.requeue import MAX_ATTEMPTS
from vital_shared.store.run_record import RunRecord
from vital_shared.store.tables import runs
from vital_shared.testing import question
from vital_shared.workflows.decision import Decision
from vital_shared.workflows.execution import RESUMED_AT
from vital_shared.workflows.run_handle import RunHandle
from vital_shared.workflows.services import Services

pytestmark = pytest.mark.parametrize("store_address", DIALECTS, indirect=True)

LONG = 0.03
"""Seconds that make a node costly."""


class World:
    """The runs of each node, and the place where an attempt ends."""

    def __init__(self) -> None:
        self.runs = Counter[str]()
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def costly(self, name: str) -> None:
        self.runs[name] += 1
        await asyncio.sleep(LONG)

    async def wait(self) -> None:
        self.reached.set()
        await self.opened.wait()


world = World()


@pytest.fixture(autouse=True)
def _new_world() -> None:
    world.__init__()  # type: ignore[misc]  # each test begins anew


@pytest.fixture
async def pair(open_services: Open) -> tuple[Services, Services]:
    """Two workers with one store."""
    return await open_services(lease_seconds=60), await open_services(lease_seconds=60)


class Paid(Workflow):
    durable = "nodes"

    @node
    async def paid(self, query: str) -> str:
        await world.costly("paid")
        return await self.llm(query, model="canned")

    @node
    async def answer(self, paid: str) -> AsyncGenerator[str, None]:
        yield "It is: "
        await world.wait()
        yield paid


class Forgetful(Paid):
    durable = "pauses"


class Asking(Workflow):
    durable = "nodes"

    @node
    async def before(self, query: str) -> str:
        await world.costly("before")
        return "before"

    @node(pauses=True)
    async def colour(self, before: str) -> str:
        raise Pause("Which colour?")

    @node
    async def answer(self, colour: str, before: str) -> str:
        await world.wait()
        return f"{before} {colour}"


class Sending(Workflow):
    durable = "nodes"

    @node(effects=True)
    async def sent(self, query: str) -> str:
        world.runs["sent"] += 1
        await world.wait()
        return "sent"

    @node
    async def answer(self, sent: str) -> str:
        return sent


async def queue(services: Services, workflow: type[Workflow]) -> str:
    record = await workflow(services).queued_record(question("bees"))
    await services.background.put([record])
    return record.id


async def record_of(services: Services, run_id: str) -> RunRecord:
    return await services.runs.get(run_id, tenant_id=None)


async def begun(services: Services, workflow: type[Workflow], run_id: str) -> RunHandle:
    return await workflow(services).begin_queued(await record_of(services, run_id))


async def at_gate() -> None:
    async with asyncio.timeout(10):
        await world.reached.wait()


async def cut_off(
    services: Services,
    workflow: type[Workflow],
    run_id: str,
    *names: str,
    reason: CancelReason = "shutting_down",
) -> RunHandle:
    """Begin a run, and end the attempt at the gate, once some nodes are stored."""
    handle = await begun(services, workflow, run_id)
    running = asyncio.create_task(handle.run())
    await at_gate()
    await until_stored(services, *names)
    handle.cancel(reason)
    await asyncio.wait([running])
    world.reached.clear()
    return handle


async def attempt(services: Services, workflow: type[Workflow], run_id: str) -> RunRecord:
    """Begin a run, and let it end."""
    world.opened.set()
    handle = await begun(services, workflow, run_id)
    await handle.run()
    return await record_of(services, run_id)


def events_of(handle: RunHandle) -> list[Any]:
    return [handle.log.event(seq) for seq in range(handle.log.first_seq, handle.log.last_seq + 1)]


async def test_a_paid_node_is_not_paid_again(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    await cut_off(one, Paid, run_id, "paid")
    assert (await record_of(one, run_id)).status == "queued"
    assert await stored(one, run_nodes) == 1
    ended = await attempt(other, Paid, run_id)
    assert (ended.status, ended.epoch) == ("completed", 1)
    assert ended.output is not None
    assert ended.output.response == "It is: It takes 42 days [1]."
    assert world.runs == {"paid": 1}
    (call,) = ended.output.model_calls
    assert call.node == "paid"
    (charge,) = await other.runs.charges(run_id)
    assert ended.output.cost.total == to_dollars(charge.cost_nanos)
    assert await stored(other, run_nodes) == 0
    assert await stored(other, run_calls) == 0


async def test_it_is_not_entered_twice_where_the_ledger_has_it_by_then(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    await cut_off(one, Paid, run_id, "paid")
    await one.runs.sweep(one.now())
    (charge,) = await one.runs.charges(run_id)
    ended = await attempt(other, Paid, run_id)
    assert ended.output is not None
    assert len(ended.output.model_calls) == 1
    assert await other.runs.charges(run_id) == (charge,)


async def test_its_events_go_on_where_they_ended(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    first = await cut_off(one, Paid, run_id, "paid")
    assert first.has_departed
    world.opened.set()
    handle = await begun(other, Paid, run_id)
    await handle.run()
    events = events_of(handle)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert sum(isinstance(event, RunStarted) for event in events) == 1
    assert (
        sum(isinstance(event, Superseded) for event in events) == 1
    )  # the text that the first one had begun
    assert isinstance(events[-1], RunFinished)


async def test_a_decision_is_not_asked_for_again(pair):
    one, other = pair
    run_id = await queue(one, Asking)
    assert (await attempt(one, Asking, run_id)).status == "awaiting_approval"
    world.__init__()  # type: ignore[misc]  # the gate is closed again
    resumed = await Asking(one).begin_resumed(run_id, Decision((), {}, {}, {"colour": "red"}, None))
    running = asyncio.create_task(resumed.run())
    await at_gate()
    resumed.cancel("shutting_down")
    await asyncio.wait([running])
    assert (await record_of(one, run_id)).status == "queued"
    ended = await attempt(other, Asking, run_id)
    assert ended.output is not None
    assert ended.output.response == "before red"
    assert world.runs == {}


async def test_an_effect_that_was_cut_off_is_asked_about_and_one_that_ended_is_not(pair):
    one, other = pair
    run_id = await queue(one, Sending)
    await cut_off(one, Sending, run_id)
    asked = await attempt(other, Sending, run_id)
    assert asked.status == "awaiting_approval"
    assert world.runs == {"sent": 1}


async def test_one_that_was_given_up_repeats_no_effect(pair):
    one, other = pair
    run_id = await queue(one, Sending)
    handle = await begun(one, Sending, run_id)
    running = asyncio.create_task(handle.run())
    await at_gate()
    async with other.database.begin() as connection:
        await connection.execute(update(workers).where(workers.c.id == one.lease.id).values(lease_until=1.0))
    await other.lease.hold()
    (orphan,) = await other.runs.orphans.find()
    assert await other.runs.give_up(orphan, "It was given up.", other.now()) is None
    handle.cancel()
    await asyncio.wait([running])
    asked = await attempt(other, Sending, run_id)
    assert asked.status == "awaiting_approval"
    assert world.runs == {"sent": 1}


async def test_one_that_no_worker_could_restore_starts_over(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    handle = await begun(one, Paid, run_id)
    running = asyncio.create_task(handle.run())
    await at_gate()
    await until_stored(one, "paid")
    async with other.database.begin() as connection:
        await connection.execute(update(workers).where(workers.c.id == one.lease.id).values(lease_until=1.0))
    await other.lease.hold()
    (orphan,) = await other.runs.orphans.find()
    assert await other.runs.give_up(orphan, "It broke.", other.now(), starts_over=True) is None
    handle.cancel()
    await asyncio.wait([running])
    assert (await attempt(other, Paid, run_id)).status == "completed"
    assert world.runs == {"paid": 2}


async def test_another_plan_starts_over_and_is_taken_over_as_what_it_is_by_then(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    await cut_off(one, Paid, run_id, "paid")
    async with one.database.begin() as connection:
        await connection.execute(update(runs).values(plan="of another release"))
    handle = await begun(other, Paid, run_id)
    running = asyncio.create_task(handle.run())
    await at_gate()
    assert (await record_of(other, run_id)).plan == Paid.plan.fingerprint
    world.opened.set()
    await asyncio.wait([running])
    assert (await record_of(other, run_id)).status == "completed"
    assert world.runs == {"paid": 2}


async def test_one_that_was_queued_by_another_release_has_the_plan_that_it_began_with(services: Services):
    run_id = await queue(services, Paid)
    async with services.database.begin() as connection:
        await connection.execute(update(runs).values(plan="of another release"))
    ended = await attempt(services, Paid, run_id)
    assert (ended.status, ended.plan) == ("completed", Paid.plan.fingerprint)


async def test_one_that_is_not_durable_begins_anew_and_counts_what_it_has_cost(pair):
    one, other = pair
    run_id = await queue(one, Forgetful)
    await cut_off(one, Forgetful, run_id)
    ended = await attempt(other, Forgetful, run_id)
    assert world.runs == {"paid": 2}
    charges = await other.runs.charges(run_id)
    assert len(charges) == 2
    assert ended.output is not None
    assert ended.output.cost.total == to_dollars(sum(charge.cost_nanos for charge in charges))


async def test_of_two_that_begin_it_again_one_does(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    await cut_off(one, Paid, run_id, "paid")
    record = await record_of(one, run_id)
    found = await asyncio.gather(*(Paid(each).begin_queued(record) for each in pair), return_exceptions=True)
    assert sum(isinstance(each, AlreadyBegun) for each in found) == 1
    (handle,) = (each for each in found if isinstance(each, RunHandle))
    world.opened.set()
    await handle.run()
    assert (await record_of(other, run_id)).status == "completed"


async def test_what_ends_in_the_queue_keeps_nothing(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    await cut_off(one, Paid, run_id, "paid")
    ended = await one.background.fail(run_id, error_type="budget", message="", now=one.now())
    assert ended is not None
    assert await stored(other, run_nodes) == 0


async def test_the_last_attempt_ends_it_and_keeps_nothing(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    for _ in range(MAX_ATTEMPTS):
        await cut_off(one, Paid, run_id, "paid")
    ended = await record_of(other, run_id)
    assert (ended.status, ended.error_type) == ("failed", "shutting_down")
    assert world.runs == {"paid": 1}
    assert await stored(other, run_nodes) == 0
    assert ended.checkpoint is None


async def test_a_failure_that_was_streamed_and_not_stored_is_void_where_it_begins_again(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    first = await cut_off(one, Paid, run_id, "paid")
    log = other.logs.open(run_id, "acme", is_durable=True)
    for event in events_of(first):
        log.append(event)
    log.append(RunFailedEvent(run_id=run_id, seq=log.last_seq + 1, error_type="store", message="", node=None))
    await log.readable()
    world.opened.set()
    handle = await begun(other, Paid, run_id)
    await handle.run()
    failed = next(event.seq for event in events_of(handle) if isinstance(event, RunFailedEvent))
    voided = [event.from_seq for event in events_of(handle) if isinstance(event, Superseded)]
    assert min(voided) <= failed
    assert isinstance(handle.log.outcome, RunFinished)
    assert (await record_of(other, run_id)).status == "completed"


async def test_the_time_in_the_queue_is_not_in_its_duration(pair):
    one, other = pair
    run_id = await queue(one, Paid)
    async with one.database.begin() as connection:
        long_ago = datetime.now(UTC) - timedelta(hours=3)
        await connection.execute(update(runs).values(created_at=long_ago))
    handle = await begun(one, Paid, run_id)
    running = asyncio.create_task(handle.run())
    await at_gate()
    await until_stored(one, "paid")
    assert RESUMED_AT in ((await record_of(one, run_id)).checkpoint or {})
    async with other.database.begin() as connection:
        await connection.execute(update(workers).where(workers.c.id == one.lease.id).values(lease_until=1.0))
    await other.lease.hold()
    (orphan,) = await other.runs.orphans.find()
    taken = await other.runs.take_over(orphan, deadline_at=other.now() + timedelta(minutes=5))
    assert taken is not None
    world.opened.set()
    output = await (await Paid(other).begin_taken_over(taken)).answer()
    await asyncio.wait([running])
    assert output.timings.total_seconds < 3_600
