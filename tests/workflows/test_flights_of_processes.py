"""Equal questions at the same time in several processes, with a real Redis: one of all runs."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from tests.redis import running_redis
from tests.workflows.test_single_flight import TEXT, Bed
from tests.workflows.test_taking_over import taken

from vital_shared import BaseWorkflow
from vital_shared.events import redis as redis_log
from vital_shared.events.redis_link import EventKeys
from vital_shared.models.event import NodeStarted, RunFailedEvent, RunFinished, RunStarted, Token
from vital_shared.testing import counted


@pytest.fixture
async def server(tmp_path):
    async with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
async def beds(server, tmp_path):
    """Two processes' services, with one database; both models wait for a gate."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Bed(tmp_path, server.url)) for _ in range(2)]


class Durable(BaseWorkflow):
    durable = "nodes"


async def read(bed, received, workflow=BaseWorkflow, **fields):
    async for event in workflow(bed.services).execute_stream(bed.asked(**fields)):
        received.append(event)


def check(received):
    """Assert that all of it came, once, from its beginning to its end."""
    assert [event.seq for event in received] == list(range(1, len(received) + 1))
    assert len({event.run_id for event in received}) == 1
    assert isinstance(received[0], RunStarted)
    assert isinstance(received[-1], RunFinished), received[-1]
    assert "".join(event.text for event in received if isinstance(event, Token)) == TEXT


async def first_token(received, of=1):
    async with asyncio.timeout(30):
        while sum(isinstance(event, Token) for event in received) < of:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.01)


async def test_equal_questions_in_two_processes_cost_one_run(beds):
    one, other = beds
    received = [[] for _ in range(20)]
    with counted() as growth:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read(one, received[0]))
            await one.model.asked.wait()
            for number, into in enumerate(received[1:]):
                tasks.create_task(read(beds[number % 2], into))
            await asyncio.sleep(0.2)  # all that can ask have asked
            one.gate.set()
    for events in received:
        check(events)
    assert (len(one.model.requests), len(other.model.requests)) == (1, 0)
    assert growth("vital_llm_calls_total", cached="false") == 1
    assert growth("vital_llm_calls_total", cached="true") == 19
    assert growth("vital_workflow_active") == 0
    assert not one.services.flights.under_way
    assert not other.services.flights.under_way


async def test_another_process_follows_token_by_token(beds):
    one, other = beds
    leading, following = [], []
    one.model.rest = asyncio.Event()
    one.gate.set()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read(one, leading))
        await first_token(leading)
        tasks.create_task(read(other, following))
        await first_token(following)
        assert not isinstance(leading[-1], RunFinished)
        one.model.rest.set()
    check(leading)
    check(following)
    assert following[-1].output.cache_status == "hit"
    assert not other.model.requests


async def test_who_asks_after_the_end_gets_the_answer_from_the_cache(beds):
    one, other = beds
    one.gate.set()
    await one.ask()
    answer = await other.ask()
    assert (answer.response, answer.cache_status) == (TEXT, "hit")
    assert not other.model.requests


async def test_when_the_leader_is_cancelled_another_process_takes_over_and_states_nothing_twice(beds):
    one, other = beds
    one.model.rest = asyncio.Event()
    one.gate.set()
    other.gate.set()
    leader = await BaseWorkflow(one.services).begin(one.asked())
    leading, following, late = [], [], []

    async def lead():
        leading.extend([event async for event in leader.events()])

    other.model.rest = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(lead())
        tasks.create_task(read(other, following))
        await one.model.asked.wait()
        await first_token(following)
        leader.cancel()
        await other.model.asked.wait()
        tasks.create_task(read(other, late))  # who comes now gets the whole text as well
        await first_token(late)
        other.model.rest.set()
    assert isinstance(leading[-1], RunFailedEvent)
    check(following)
    check(late)
    assert len(other.model.requests) == 1


async def test_a_leader_that_takes_long_to_end_is_followed_once_and_taken_over(beds, monkeypatch):
    one, other = beds
    ends = asyncio.Event()
    end_lead = one.services.logs.end_lead

    async def end_late(key, run_id):
        await ends.wait()
        await end_lead(key, run_id)

    monkeypatch.setattr(one.services.logs, "end_lead", end_late)
    one.model.rest = asyncio.Event()
    one.gate.set()
    other.gate.set()
    leader = await BaseWorkflow(one.services).begin(one.asked())
    leading, following = [], []

    async def lead():
        leading.extend([event async for event in leader.events()])

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(lead())
        await one.model.asked.wait()
        await tasks.create_task(until_followed(read(other, following), following, leader))
        ends.set()
    check(following)
    nodes = [event.node for event in following if isinstance(event, NodeStarted)]
    assert max(map(nodes.count, nodes)) == 2  # the leader's, and its own


async def until_followed(reading, received, leader):
    """Read to the end, and cancel the leader after the first token."""
    task = asyncio.create_task(reading)
    await first_token(received)
    leader.cancel()
    await task


async def test_a_run_that_leads_after_another_keeps_its_lease(beds):
    logs = beds[0].services.logs
    assert await logs.lead("key", "run_1") is None
    assert await logs.lead("key", "run_2", "run_1") is None
    await logs.end_lead("key", "run_1")
    assert logs.presence._leases == {"key": "run_2"}
    await logs.end_lead("key", "run_2")
    assert await beds[1].services.logs.lead("key", "run_3") is None


async def test_when_a_process_dies_its_request_is_taken_over(beds):
    one, other = beds
    other.gate.set()
    following = []
    leading = asyncio.create_task(one.ask())
    await one.model.asked.wait()
    # It dies: nothing is written any more, neither events nor signs of life, and the last sign has expired.
    logs = one.services.logs
    for task in logs._tasks:
        task.cancel()
    await other.services.logs._link.redis.delete(EventKeys.worker(logs.presence.worker))
    await read(other, following)
    check(following)
    assert len(other.model.requests) == 1
    leading.cancel()
    await asyncio.wait([leading])


async def test_a_durable_run_that_is_taken_over_is_followed_on_and_not_paid_once_more(
    server, tmp_path, monkeypatch
):
    monkeypatch.setattr(redis_log, "LOST_SECONDS", 0.2)
    async with AsyncExitStack() as stack:
        beds = [await stack.enter_async_context(Bed(tmp_path, server.url)) for _ in range(3)]
        dead, other, heir = beds
        other.gate.set()
        following = []
        leader = await Durable(dead.services).begin(dead.asked())
        leading = asyncio.create_task(leader.run())
        await dead.model.asked.wait()
        reading = asyncio.create_task(read(other, following, Durable))
        async with asyncio.timeout(10):
            while not following:  # noqa: ASYNC110 - a list has no event
                await asyncio.sleep(0.01)
        for task in dead.services.logs._tasks:  # it dies: no events, no signs of life
            task.cancel()
        await other.services.logs._link.redis.delete(EventKeys.worker(dead.services.logs.presence.worker))
        await asyncio.sleep(1.5)  # so long that the follower has noticed
        assert not other.model.requests
        handle = await taken(Durable, dead.services, heir.services)
        heir.gate.set()
        assert (await handle.answer()).response == TEXT
        await asyncio.wait_for(reading, 20)
        check(following)
        assert [len(bed.model.requests) for bed in beds] == [1, 0, 1]
        leading.cancel()
        await asyncio.wait([leading])


async def test_no_request_fails_when_redis_dies_while_another_process_is_followed(beds, server):
    one, other = beds
    one.model.rest = asyncio.Event()
    one.gate.set()
    other.gate.set()
    leading, following = [], []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read(one, leading))
        await first_token(leading)
        tasks.create_task(read(other, following))
        await first_token(following)
        await server.kill()
        async with asyncio.timeout(10):
            await other.model.asked.wait()
        one.model.rest.set()
    check(leading)
    check(following)
    assert len(other.model.requests) == 1


async def test_no_tenant_follows_anothers_run_in_another_process(beds):
    one, other = beds
    one.gate.set()
    other.gate.set()
    ours, theirs = [], []
    await asyncio.gather(read(one, ours, tenant_id="acme"), read(other, theirs, tenant_id="other"))
    assert ours[-1].output.tenant_id == "acme"
    assert theirs[-1].output.tenant_id == "other"
    assert (len(one.model.requests), len(other.model.requests)) == (1, 1)
