"""The Redis tier, with a real Redis: shared, bounded, apart by tenant, and no harm when it is slow or gone."""

import asyncio
import zlib

import numpy as np
import pytest
from redis.asyncio import Redis
from tests.cache.test_memory import answer
from tests.redis import running_redis

from vital_shared.cache import redis as module
from vital_shared.cache.errors import CacheUnavailable
from vital_shared.cache.redis import RedisTier
from vital_shared.cache.stored_question import StoredQuestion
from vital_shared.errors import ConfigurationError
from vital_shared.testing import question

TTL = 100.0


class Clock:
    """Two clocks that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def server(tmp_path):
    async with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
async def tiers(server):
    """Make tiers of several processes."""
    made = []

    def make(entries=10, **clocks):
        made.append(RedisTier(server.url, entries, TTL, **clocks))
        return made[-1]

    yield make
    for tier in made:
        await tier.aclose()


def asked(tenant_id="acme"):
    return question("How long?", tenant_id=tenant_id, mode="2", agent_id="generalist")


async def test_what_one_process_keeps_another_finds(tiers):
    clock = Clock()
    one, other = tiers(wall=clock), tiers(wall=clock)
    assert await one.get("k", asked()) is None
    assert await one.put("k", answer("It takes 90 days.")) == (1, 0)
    clock.now += 7
    found = await other.get("k", asked())
    assert (found.output, round(found.age)) == (answer("It takes 90 days."), 7)
    assert await one.get("other", asked()) is None


async def test_ages_are_those_of_a_sample_of_what_is_there(tiers):
    tier = tiers()
    assert await tier.ages(10) == []
    for number in range(5):
        await tier.put(f"k{number}", answer("It takes 90 days."))
    assert len(await tier.ages(3)) == 3
    assert all(0 <= age < TTL for age in await tier.ages(10))


async def test_no_tenant_gets_anothers_answer_even_under_its_key(tiers, server, capsys):
    tier = tiers()
    await tier.put("k", answer("secret", tenant_id="globex"))
    assert await tier.get("k", asked("acme")) is None
    async with Redis.from_url(server.url) as redis:
        (name,) = [each async for each in redis.scan_iter("vital/1/answer/*")]
        stolen = await redis.get(name)
        await redis.set(name.replace(b"globex", b"acme"), stolen)
    assert await tier.get("k", asked("acme")) is None


async def test_what_is_no_entry_is_a_miss(tiers, server):
    tier = tiers()
    await tier.put("k", answer("It takes 90 days."))
    async with Redis.from_url(server.url) as redis:
        (name,) = [each async for each in redis.scan_iter("vital/1/answer/*")]
        for broken in (b"", b"x", zlib.compress(b"{}"), zlib.compress(b'{"at": 1, "output": {}}')):
            await redis.set(name, broken)
            assert await tier.get("k", asked()) is None


@pytest.mark.parametrize("place", ["answer", "used", "questions"])
async def test_a_value_of_another_type_costs_nobody_the_cache(tiers, server, place):
    tier = tiers()
    await tier.put("k", answer("It takes 90 days."))
    await tier.put("k", answer("Theirs.", tenant_id="globex"))
    theirs = question("How long?", tenant_id="globex", mode="2", agent_id="generalist")
    async with Redis.from_url(server.url) as redis:
        names = [each async for each in redis.scan_iter("vital/1/answer/acme/*")]
        name = names[0] if place == "answer" else f"vital/1/{place}"
        await redis.delete(name)
        await redis.sadd(name, "x")
    if place == "questions":
        with pytest.raises(CacheUnavailable, match="none of the cache's"):
            await tier.new_questions(5)
    else:
        with pytest.raises(CacheUnavailable, match="none of the cache's"):
            await tier.get("k", asked())
    assert (await tier.get("k", theirs)).output.response == "Theirs."
    await tier.put("k", answer("It takes 90 days."))
    assert (await tier.get("k", asked())).output.response == "It takes 90 days."
    assert await tier.new_questions(5) == []


async def test_an_entry_that_is_far_too_long_is_not_read(tiers, server, monkeypatch):
    tier = tiers()
    await tier.put("k", answer("It takes 90 days."))
    assert await tier.get("k", asked()) is not None
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 50)
    assert await tier.get("k", asked()) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"x": "y"},
        {"scope": b"\xff"},
        {"vector": b"abc"},
        {"vector": b"\xff" * 16},
        {"query": "x" * 200_000},
    ],
)
async def test_questions_that_are_none_are_passed_over(tiers, server, odd):
    one, other = tiers(), tiers()
    vector = np.ones(4, np.float32) / 2
    whole = {"scope": "s", "key": "k", "query": "How long?", "vector": vector.tobytes()}
    async with Redis.from_url(server.url) as redis:
        await redis.xadd("vital/1/questions", whole | odd if "x" not in odd else odd)
    await one.add_question(StoredQuestion("s", "k", "How long?", vector), 5)
    assert [each.query for each in await other.new_questions(5)] == ["How long?"]


async def test_the_least_used_go_when_there_is_no_more_room(tiers):
    clock = Clock()
    tier = tiers(entries=3, wall=clock)
    for number in range(3):
        clock.now += 1
        await tier.put(f"k{number}", answer(str(number)))
    clock.now += 1
    assert await tier.get("k0", asked())
    clock.now += 1
    assert await tier.put("k3", answer("3")) == (3, 1)
    found = [await tier.get(f"k{number}", asked()) for number in range(4)]
    assert [each.output.response if each else None for each in found] == ["0", None, "2", "3"]


async def test_an_entry_ends_with_its_time(tiers, server):
    clock = Clock()
    tier = tiers(wall=clock)
    await tier.put("k", answer("x"))
    async with Redis.from_url(server.url) as redis:
        (name,) = [each async for each in redis.scan_iter("vital/1/answer/*")]
        assert 0 < await redis.pttl(name) <= TTL * 1_000
    clock.now += TTL
    assert await tier.count() == 0
    assert await tier.get("k", asked()) is None
    async with Redis.from_url(server.url) as redis:
        await redis.delete(name)
        assert await tier.get("k", asked()) is None
        assert await redis.zcard("vital/1/used") == 0


async def test_what_is_too_large_is_not_kept(tiers, monkeypatch):
    monkeypatch.setattr(module, "MAX_ANSWER_BYTES", 10)
    assert await tiers().put("k", answer("x" * 1_000)) == (0, 0)


async def test_answers_can_be_dropped_by_tenant_mode_and_agent(tiers):
    tier = tiers(entries=100)

    async def fill():
        for tenant in ("acme", "globex"):
            await tier.put(f"{tenant}-k", answer("x", tenant_id=tenant))

    await fill()
    assert await tier.drop("acme", None, None) == 1
    assert await tier.get("globex-k", asked("globex"))
    await fill()
    assert await tier.drop(None, "1", None) == 0
    assert await tier.drop(None, "2", "generalist") == 2
    assert await tier.count() == 0


async def test_a_redis_that_is_gone_is_left_alone_and_found_again(tiers, server):
    clock = Clock()
    tier = tiers(clock=clock)
    await tier.put("k", answer("x"))
    await server.kill()
    with pytest.raises(CacheUnavailable, match="does not answer"):
        await tier.get("k", asked())
    with pytest.raises(CacheUnavailable, match="not used for the moment"):
        await tier.get("k", asked())
    clock.now += 1.5
    with pytest.raises(CacheUnavailable, match="does not answer"):
        await tier.get("k", asked())
    await server.start()
    with pytest.raises(CacheUnavailable, match="not used for the moment"):  # twice as long now
        await tier.get("k", asked())
    clock.now += 2.5
    assert await tier.get("k", asked()) is None  # it answers, and has lost what it had
    await tier.put("k", answer("x"))
    assert await tier.get("k", asked())


async def test_a_redis_that_hangs_holds_nobody_up_for_long(tiers, server):
    tier = tiers()
    await tier.put("k", answer("x"))
    server.pause()
    loop = asyncio.get_running_loop()
    began = loop.time()
    results = await asyncio.gather(*(tier.get("k", asked()) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(result, CacheUnavailable) for result in results)
    assert loop.time() - began < 5
    server.go_on()
    async with asyncio.timeout(20):
        while True:
            try:
                assert await tier.get("k", asked())
                break
            except CacheUnavailable:
                await asyncio.sleep(0.1)
    assert tier.in_use == 0


def test_an_address_that_is_none_is_reported():
    with pytest.raises(ConfigurationError, match="VITAL_REDIS_URL"):
        RedisTier("http://somewhere", 1, 1)
