"""Slots that tenants share: who gets the next one, and what becomes of those that wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, lists, one_of, sampled_from, tuples
from starlette.requests import ClientDisconnect

from ai_engine.runs.fair_slots import EngineBusy, FairSlots
from vital_shared.deadline import Deadline

WEIGHTS = {"a": 1, "b": 1, "c": 2, "d": 5}


async def weight_of(tenant_id: str) -> int:
    return WEIGHTS.get(tenant_id, 1)


def slots(number: int = 2, **options: object) -> FairSlots:
    return FairSlots(number, **({"max_waiting": 100, "wait_seconds": 30, "work": "runs"} | options))


async def settle() -> None:
    """Let all that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


class Crowd:
    """Requests for slots, and which of them hold one."""

    def __init__(self, shared: FairSlots) -> None:
        self.shared = shared
        self.waiting: dict[asyncio.Task[None], str] = {}
        self.holding: list[str] = []
        self.served: list[str] = []

    async def ask(
        self, tenant_id: str, gone: Callable[[], Awaitable[None]] | None = None
    ) -> asyncio.Task[None]:
        async def take() -> None:
            await self.shared.take(tenant_id, weight_of, gone)
            self.holding.append(tenant_id)
            self.served.append(tenant_id)

        task = asyncio.create_task(take())
        self.waiting[task] = tenant_id
        await self.look()
        return task

    async def look(self) -> None:
        await settle()
        self.waiting = {task: tenant for task, tenant in self.waiting.items() if not task.done()}

    async def end(self, tenant_id: str) -> None:
        self.holding.remove(tenant_id)
        self.shared.give_back(tenant_id)
        await self.look()

    async def leave(self) -> None:
        for task in self.waiting:
            task.cancel()
        await self.look()


tenants = sampled_from(sorted(WEIGHTS))
steps = one_of(
    tuples(sampled_from(["ask"]), tenants),
    tuples(sampled_from(["end", "cancel"]), integers(0, 50)),
)


@settings(max_examples=150, deadline=None)
@given(number=integers(1, 5), extra=integers(0, 2), plan=lists(steps, max_size=60))
def test_no_slot_is_idle_while_somebody_waits_and_none_is_lost(number: int, extra: int, plan: list):
    async def play() -> None:
        crowd = Crowd(slots(number, extra_slots=extra))
        for step, value in plan:
            if step == "ask":
                await crowd.ask(value)
            elif step == "end" and crowd.holding:
                await crowd.end(crowd.holding[value % len(crowd.holding)])
            elif step == "cancel" and crowd.waiting:
                list(crowd.waiting)[value % len(crowd.waiting)].cancel()
                await crowd.look()
            held = Counter(crowd.holding)
            assert crowd.shared.active == len(crowd.holding) <= number + extra
            assert crowd.shared.waiting == len(crowd.waiting)
            if crowd.waiting:
                assert len(crowd.holding) >= number
            left = number + extra - len(crowd.holding)
            assert all(held[tenant] >= left for tenant in crowd.waiting.values())
        await crowd.leave()
        while crowd.holding:
            await crowd.end(crowd.holding[0])
        assert (crowd.shared.active, crowd.shared.waiting, crowd.shared._shares) == (0, 0, {})

    asyncio.run(play())


@settings(max_examples=100, deadline=None)
@given(number=integers(1, 6), hogs=integers(1, 30), others=lists(tenants, min_size=1, max_size=8))
def test_a_tenant_without_a_slot_gets_one_within_one_turn_of_each_other_tenant(
    number: int, hogs: int, others: list[str]
):
    async def play() -> None:
        crowd = Crowd(slots(number))
        for _ in range(number + hogs):
            await crowd.ask("hog")
        for tenant in others:
            await crowd.ask(tenant)
        distinct = set(others)
        ends = 0
        while not distinct <= set(crowd.served):
            await crowd.end(crowd.holding[0])
            ends += 1
        # Each end serves somebody; within this many, everybody without a slot was served.
        assert ends <= max(sum(WEIGHTS[tenant] for tenant in distinct), 1) + len(distinct)
        await crowd.leave()

    asyncio.run(play())


@settings(max_examples=50, deadline=None)
@given(newcomers=integers(1, 60))
def test_a_stream_of_new_tenants_does_not_starve_one_that_waits(newcomers: int):
    async def play() -> None:
        crowd = Crowd(slots(1))
        await crowd.ask("a")
        await crowd.ask("a")
        for number in range(newcomers):
            await crowd.ask(f"new-{number}")
            await crowd.end(crowd.holding[0])
        assert crowd.served[:3].count("a") == 2 or newcomers < 2
        await crowd.leave()

    asyncio.run(play())


@pytest.mark.parametrize("number", [1, 9, 18])
async def test_busy_tenants_are_served_by_weight(number: int):
    crowd = Crowd(slots(number, max_waiting=1_000))
    for _ in range(number):
        await crowd.ask("before")
    for _ in range(200):
        for tenant in ("a", "b", "c", "d"):
            await crowd.ask(tenant)
    for _ in range(number + 180):
        await crowd.end(crowd.holding[0])
    counts = Counter(crowd.served[number:])
    for tenant, weight in WEIGHTS.items():
        assert counts[tenant] / counts.total() == pytest.approx(weight / 9, abs=0.02), counts
    await crowd.leave()


async def test_each_busy_tenant_holds_a_slot_where_there_are_as_many_whatever_its_weight():
    crowd = Crowd(slots(4))
    for tenant in ("a", "b", "c", "d") * 20:
        await crowd.ask(tenant)
    for _ in range(20):
        await crowd.end(crowd.holding[0])
        assert set(crowd.holding) == set(WEIGHTS)
    await crowd.leave()


async def test_slots_go_to_the_tenant_with_fewest_per_weight():
    crowd = Crowd(slots(4))
    for _ in range(4):
        await crowd.ask("a")
    for _ in range(4):
        await crowd.ask("a")
        await crowd.ask("b")
    for _ in range(4):
        await crowd.end("a")
    assert Counter(crowd.holding) == {"a": 2, "b": 2}
    await crowd.leave()


async def test_one_tenant_alone_may_take_all_slots():
    crowd = Crowd(slots(3, extra_slots=1))
    for _ in range(4):
        await crowd.ask("a")
    assert (crowd.holding, len(crowd.waiting)) == (["a"] * 3, 1)
    await crowd.ask("b")
    assert crowd.holding == ["a", "a", "a", "b"]
    await crowd.end("b")
    assert len(crowd.waiting) == 1
    await crowd.leave()


async def test_extra_slots_are_left_for_further_tenants():
    crowd = Crowd(slots(20, extra_slots=8))
    for tenant in ("hog", "a", "b", "c", "d"):
        for _ in range(30):
            await crowd.ask(tenant)
    assert Counter(crowd.holding) == {"hog": 20, "a": 4, "b": 2, "c": 1, "d": 1}
    await crowd.leave()


async def test_a_tenant_with_a_full_queue_is_refused_and_another_is_not():
    crowd = Crowd(slots(1, max_waiting=2))
    for _ in range(3):
        await crowd.ask("a")
    with pytest.raises(EngineBusy, match=r"1 runs, its limit, and 2 of this tenant wait"):
        await crowd.shared.take("a", weight_of)
    await crowd.ask("b")
    await crowd.end("a")
    assert crowd.holding == ["b"]
    await crowd.leave()


async def test_a_request_waits_for_a_bounded_time():
    shared = slots(1, wait_seconds=0.01)
    await shared.take("a", weight_of)
    with pytest.raises(EngineBusy, match=r"in 0\.01 seconds"):
        await shared.take("b", weight_of)
    assert (shared.active, shared.waiting) == (1, 0)


async def test_a_request_whose_client_goes_waits_no_more():
    crowd, gone = Crowd(slots(1)), asyncio.Event()

    async def until_gone() -> None:
        await gone.wait()

    await crowd.ask("a")
    leaving = await crowd.ask("b", until_gone)
    staying = await crowd.ask("c", asyncio.Event().wait)
    gone.set()
    await settle()
    assert isinstance(leaving.exception(), ClientDisconnect)
    await crowd.end("a")
    assert (staying.done(), crowd.holding, crowd.shared.active) == (True, ["c"], 1)


async def test_a_client_that_goes_when_its_turn_comes_loses_no_slot():
    crowd, gone = Crowd(slots(1)), asyncio.Event()

    async def until_gone() -> None:
        await gone.wait()

    await crowd.ask("a")
    leaving = await crowd.ask("b", until_gone)
    gone.set()
    leaving.cancel()
    crowd.holding.remove("a")
    crowd.shared.give_back("a")
    await settle()
    assert crowd.shared.active == len(crowd.holding)
    assert crowd.shared.waiting == 0


async def test_closing_refuses_those_that_wait():
    crowd = Crowd(slots(1))
    await crowd.ask("a")
    waiting = await crowd.ask("b")
    crowd.shared.close()
    await settle()
    with pytest.raises(EngineBusy, match="shutting down"):
        await waiting
    with pytest.raises(EngineBusy, match="shutting down"):
        await crowd.shared.take("c", weight_of)
    await crowd.end("a")
    assert (crowd.shared.active, crowd.shared.waiting) == (0, 0)


async def test_a_request_waits_no_longer_than_its_client_does() -> None:
    shared = slots(1)
    await shared.take("a", weight_of)
    with pytest.raises(EngineBusy, match=r"none has ended in 0\.01 seconds"):
        await shared.take("b", weight_of, None, Deadline(0.01, 10.01, lambda: 10))
    assert (shared.active, shared.waiting) == (1, 0)


async def test_a_refused_request_learns_when_a_slot_should_come_free_for_its_tenant() -> None:
    now = 0.0
    shared = slots(2, max_waiting=3, clock=lambda: now)
    crowd = Crowd(shared)
    for tenant in "aaaaabbb":
        await crowd.ask(tenant)
    for _ in range(3):  # one ends every 4 seconds, and others wait
        now += 4
        await crowd.end(crowd.holding[0])
        await crowd.ask(crowd.served[-1])
    refused = {}
    for tenant in "ad":
        with pytest.raises(EngineBusy) as error:
            await slots_full(shared, tenant)
        refused[tenant] = error.value.retry_after_seconds
    assert refused["a"] == 4 * (3 + 1) * 2  # three of its own wait, and it takes turns with b
    assert refused["d"] == pytest.approx(4 * 7 / 5)  # none of its own waits, and its weight is 5 of 7
    await crowd.leave()


async def slots_full(shared: FairSlots, tenant: str) -> None:
    """Ask as a request that does not wait."""
    await shared.take(tenant, weight_of, None, Deadline(1, 0, lambda: 0))
