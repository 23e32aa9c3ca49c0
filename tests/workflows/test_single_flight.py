"""Equal questions at the same time: one runs, and all are answered, even if some fail or leave."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vital_shared import BaseWorkflow, Settings, node
from vital_shared.errors import RunFailed
from vital_shared.llm.base import TextDelta
from vital_shared.models.answer import Answer
from vital_shared.models.event import RunFailedEvent, RunFinished, RunPaused, RunStarted, Token
from vital_shared.testing import CannedModel, CannedSource, counted, passage, question
from vital_shared.tools.base import tool
from vital_shared.workflows.services import Services

QUERY = "How long is the review?"
TEXT = "It takes 90 days [1]."


@tool(keywords=("write",), requires_approval=False)
async def write(query: str) -> str:
    """Change something."""
    return query


@tool(keywords=("approve",), read_only=True, from_query=lambda query: {"query": query})
async def approve_me(query: str) -> str:
    """Look, with approval."""
    return query


class Waiting(CannedModel):
    """May wait after its first word."""

    rest: asyncio.Event | None = None

    async def stream(self, request):
        async for event in super().stream(request):
            yield event
            if self.rest is not None and isinstance(event, TextDelta):
                await self.rest.wait()


class Bed:
    """Services whose model waits for a gate."""

    def __init__(self, folder: Path, redis_url: str = "") -> None:
        self.gate = asyncio.Event()
        self.model = Waiting(TEXT, gate=self.gate)
        self._settings = Settings(data_dir=folder, cache_entries=10, redis_url=redis_url)

    async def __aenter__(self) -> Self:
        source = CannedSource([passage("The review takes 90 days.")])
        self.services = await Services.open(
            self._settings, models=[self.model], sources=[source], tools=[write, approve_me]
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.services.aclose()

    def asked(self, query: str = QUERY, **fields):
        fields = {"model": "canned", "enable_tools": False, "mode": "2"} | fields
        return question(query, **fields)

    async def ask(self, query: str = QUERY, workflow=BaseWorkflow, **fields):
        return await workflow(self.services).execute_typed(self.asked(query, **fields))


@pytest.fixture
async def bed(tmp_path):
    async with Bed(tmp_path) as bed:
        yield bed


async def test_many_equal_questions_cost_one_run_and_all_are_answered(bed):
    with counted() as growth:
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(bed.ask()) for _ in range(50)]
            await bed.model.asked.wait()
            bed.gate.set()
    answers = [task.result() for task in asking]
    assert len(bed.model.requests) == 1
    assert {answer.response for answer in answers} == {answers[0].response}
    assert sorted(answer.cache_status for answer in answers) == ["hit"] * 49 + ["miss"]
    assert len({answer.run_id for answer in answers}) == 50
    assert growth("vital_workflow_requests_total", outcome="degraded") == 50  # no embedded models
    assert growth("vital_llm_calls_total", cached="false") == 1
    assert growth("vital_llm_calls_total", cached="true") == 49
    assert growth("vital_time_to_first_token_seconds_count") == 0
    assert growth("vital_workflow_active") == 0
    assert not bed.services.flights.under_way


async def test_who_comes_late_gets_what_was_sent_and_goes_on_live(bed):
    workflow = BaseWorkflow(bed.services)
    leading = workflow.execute_stream(bed.asked())
    first = [await anext(leading)]
    bed.model.rest = asyncio.Event()
    bed.gate.set()
    while not isinstance(first[-1], Token):
        first.append(await anext(leading))
    following = workflow.execute_stream(bed.asked())
    late = [await anext(following) for _ in first]
    assert [event.type for event in late] == [event.type for event in first]
    assert late[-1].text == first[-1].text

    bed.model.rest.set()

    async def rest(events, into):
        async for event in events:
            into.append(event)

    await asyncio.gather(rest(leading, first), rest(following, late))
    for events in (first, late):
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert len({event.run_id for event in events}) == 1
        assert isinstance(events[0], RunStarted)
        assert isinstance(events[-1], RunFinished)
        assert "".join(event.text for event in events if isinstance(event, Token)) == TEXT
    assert len(bed.model.requests) == 1


async def test_no_tenant_follows_anothers_run(bed):
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(bed.ask(tenant_id=f"tenant-{number % 2}")) for number in range(10)]
        await bed.model.asked.wait()
        bed.gate.set()
    assert len(bed.model.requests) == 2
    for number, task in enumerate(asking):
        assert task.result().tenant_id == f"tenant-{number % 2}"


async def test_when_the_leader_is_cancelled_another_takes_over(bed):
    leader = await BaseWorkflow(bed.services).begin(bed.asked())
    events = leader.events()
    await anext(events)
    following = asyncio.create_task(bed.ask())
    await bed.model.asked.wait()
    leader.cancel()
    assert isinstance([event async for event in events][-1], RunFailedEvent)
    bed.gate.set()
    answer = await following
    assert (answer.response, answer.cache_status) == (TEXT, "miss")
    assert len(bed.model.requests) == 2


async def test_a_follower_can_be_cancelled_alone(bed):
    workflow = BaseWorkflow(bed.services)
    leading = asyncio.create_task(bed.ask())
    await bed.model.asked.wait()
    follower = await workflow.begin(bed.asked())
    events = follower.events()
    await anext(events)
    with counted() as growth:
        follower.cancel()
        last = [event async for event in events][-1]
    assert (last.type, last.error_type) == ("run_failed", "cancelled")
    assert growth("vital_workflow_requests_total", outcome="cancelled") == 1
    bed.gate.set()
    assert (await leading).response == TEXT


class Failing(BaseWorkflow):
    """A model that fails a given number of times, after its answer was sent."""

    failures = 0

    @node
    async def checked(self, answer: Answer) -> str:
        cls = type(self)
        if cls.failures:
            cls.failures -= 1
            raise RuntimeError("no")
        return answer.text


async def together(bed, many, **fields):
    """Ask at the same time; the model answers once all requests have joined."""
    joined = asyncio.Barrier(many + 1)

    async def one():
        handle = await Failing(bed.services).begin(bed.asked(**fields))
        async for event in handle.events():
            if event.seq == 1:
                await joined.wait()
        return handle.error or event.output

    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(one()) for _ in range(many)]
        await joined.wait()
        bed.gate.set()
    return [task.result() for task in asking]


async def test_when_the_leader_fails_another_takes_over_and_nothing_is_sent_twice(bed):
    Failing.failures = 1
    workflow = Failing(bed.services)
    received = []

    async def read():
        received.extend([event async for event in workflow.execute_stream(bed.asked())])

    async with asyncio.TaskGroup() as tasks:
        leading = tasks.create_task(together(bed, 1))
        await bed.model.asked.wait()
        tasks.create_task(read())
    assert isinstance(leading.result()[0], RunFailed)
    assert "".join(event.text for event in received if isinstance(event, Token)) == TEXT
    assert isinstance(received[-1], RunFinished)
    assert [event.seq for event in received] == list(range(1, len(received) + 1))
    assert sum(isinstance(event, RunStarted) for event in received) == 1


async def test_when_all_fail_all_get_an_end_after_two_runs(bed):
    Failing.failures = 99
    with counted() as growth:
        ends = await together(bed, 20)
    assert all(isinstance(end, RunFailed) for end in ends)
    assert len(bed.model.requests) == 2
    assert growth("vital_workflow_requests_total", outcome="failed") == 20
    Failing.failures = 0


async def test_what_may_change_something_is_done_for_each(bed):
    await together(bed, 3, enable_tools=True)
    assert len(bed.model.requests) == 3


async def test_each_user_decides_for_himself(bed):
    agent = await bed.services.agents.get("generalist", tenant_id="acme")
    careful = agent.model_copy(update={"id": "careful", "tools": ("approve_me",)})
    await bed.services.agents.save(careful, tenant_id=None)
    bed.gate.set()
    asked = bed.asked("Please approve the review", mode="1", enable_tools=True, agent_id="careful")
    workflow = BaseWorkflow(bed.services)

    async def last():
        return [event async for event in workflow.execute_stream(asked)][-1]

    ends = await asyncio.gather(*(last() for _ in range(4)))
    assert [type(end) for end in ends] == [RunPaused] * 4
    assert len({end.run_id for end in ends}) == 4


@given(
    many=st.integers(1, 8),
    cancelled=st.sets(st.integers(0, 7), max_size=4),
    failures=st.integers(0, 3),
)
@settings(max_examples=25, deadline=None)
def test_all_requests_end_even_if_some_fail_or_are_cancelled(many, cancelled, failures):
    async def run() -> None:
        with TemporaryDirectory() as folder:
            async with Bed(Path(folder)) as bed:
                await scenario(bed)

    async def scenario(bed: Bed) -> None:
        Failing.failures = failures
        workflow = Failing(bed.services)
        begun = [await workflow.begin(bed.asked()) for _ in range(many)]

        async def read(each):
            return [event async for event in each.events()]

        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(read(each)) for each in begun]
            await bed.model.asked.wait()
            for number in cancelled:
                if number < many:
                    begun[number].cancel()
                    await asyncio.sleep(0)
            bed.gate.set()
        ends = [task.result() for task in reading]
        for number, events in enumerate(ends):
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            end = events[-1]
            if number in cancelled:
                assert end.type == "run_failed"
            else:
                assert end.type == "run_finished" or failures
            if isinstance(end, RunFinished):
                assert "".join(event.text for event in events if isinstance(event, Token)) == TEXT
        answered = sum(isinstance(events[-1], RunFinished) for events in ends)
        staying = many - sum(number < many for number in cancelled)
        if failures < 2 and staying > failures:
            assert answered >= staying - failures
        assert len(bed.model.requests) <= 1 + len(cancelled) + failures
        assert not bed.services.flights.under_way

    asyncio.run(run())
