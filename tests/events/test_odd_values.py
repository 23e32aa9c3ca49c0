"""Values in Redis that are none of ours: they cost the run in whose place they are, and no other, a moment."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import DefaultParser
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from tests.events.test_shared_logs import RUN, all_of, in_redis, make, server, token

from vital_shared.events import bounded_replies
from vital_shared.events.bounded_replies import MAX_VALUE_BYTES, parser_for
from vital_shared.events.log import LogLost, LogUnavailable
from vital_shared.events.odd_value import is_odd_value
from vital_shared.events.redis_link import EventKeys, RedisLink
from vital_shared.events.shared_logs import SharedEventLogs
from vital_shared.models.event import RunFailedEvent, Token
from vital_shared.monitoring.metrics import REDIS_ODD_VALUES_TOTAL

__all__ = ["make", "server"]

OTHER = "run_of_another_tenant"

ODD: dict[str, tuple[str, list[Any]]] = {
    "a text for the stream": (EventKeys.stream(RUN), ["SET", b"\xff\xfe"]),
    "a hash for the stream": (EventKeys.stream(RUN), ["HSET", "a", "b"]),
    "a stream beyond all numbers": (
        EventKeys.stream(RUN),
        ["XADD", "18446744073709551614-1", "frames", b"\xff"],
    ),
    "a list for the place": (EventKeys.run(RUN), ["RPUSH", "x"]),
    "an epoch that is none": (EventKeys.run(RUN), ["HSET", "epoch", "many"]),
}


@pytest.mark.parametrize("odd", ODD)
async def test_what_is_in_the_place_of_a_log_holds_up_no_other_and_is_replaced(make, odd: str) -> None:
    one, reader = await make(), await make()
    key, (command, *arguments) = ODD[odd]
    await one._link.redis.execute_command(command, key, *arguments)
    logs = [one.open(RUN, "acme", is_durable=True), one.open(OTHER, "globex", is_durable=True)]
    for log in logs:
        log.append(Token(run_id=log.run_id, seq=1, text="x", epoch=0))
        log.append(RunFailedEvent(run_id=log.run_id, seq=2, error_type="model", message="No."))
        log.close()
    async with asyncio.timeout(20):
        for log in logs:
            with reader.elsewhere(log.run_id).follow() as follower:
                assert [event.seq async for event in follower] == [1, 2]


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "live"},
        {"state": "odd", "worker": "w", "tenant": "acme", "first": "1", "last": "2"},
        {"state": "live", "worker": "w", "tenant": "acme", "first": "one", "last": "2"},
        {"state": b"\xff", "worker": b"\xff", "tenant": b"\xff", "first": "1", "last": "2"},
        {b"\xff": "x"},
    ],
)
async def test_the_place_of_a_log_that_is_none_is_not_found(make, fields: dict[Any, Any]) -> None:
    logs: SharedEventLogs = await make()
    await logs._link.redis.hset(EventKeys.run(RUN), mapping=fields)
    before = REDIS_ODD_VALUES_TOTAL.labels("event_log").value
    assert await logs.find_peer_log(RUN) is None
    assert REDIS_ODD_VALUES_TOTAL.labels("event_log").value == before + 1


async def test_entries_that_are_none_of_ours_are_passed_over(make) -> None:
    one, other = await make(), await make()
    one.open(RUN, "acme").append(token(1))
    await in_redis(other, 1)
    reading = asyncio.create_task(all_of(other))
    await one._link.redis.xadd(EventKeys.stream(RUN), {"what": b"\xff"}, id="2-0")
    await one._link.redis.xadd(EventKeys.stream(RUN), {"frames": b"\xff\n\n"}, id="3-0")
    await one._link.redis.xadd(EventKeys.stream(RUN), {"end": b""}, id="3-1")
    assert await reading == [1]


async def test_frames_that_are_no_events_are_a_lost_log(make) -> None:
    logs: SharedEventLogs = await make()
    for frames in (b"id: 1\nevent: token\ndata: {\n\n", b'id: 1\nevent: token\ndata: {"type": "x"}\n\n'):
        await logs._link.redis.delete(EventKeys.stream(RUN))
        await logs._link.redis.xadd(EventKeys.stream(RUN), {"frames": frames}, id="1-0")
        with pytest.raises(LogLost, match="something else"):
            await all_of(logs)


async def test_signs_of_life_go_on_beside_odd_values(make) -> None:
    logs: SharedEventLogs = await make()
    redis = logs._link.redis
    assert await logs.lead("question", RUN) is None
    for key in (EventKeys.workers(), EventKeys.data(), EventKeys.lease("question")):
        async with redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(key)
            pipeline.rpush(key, "x")
            await pipeline.execute()
    await logs.presence.sign()
    assert await redis.exists(EventKeys.worker(logs.presence.worker))
    assert await logs.presence.was_unbroken(0)


async def test_a_leader_and_processes_that_are_none_end_nothing(make) -> None:
    logs: SharedEventLogs = await make()
    redis = logs._link.redis
    await redis.set(EventKeys.lease("question"), b"\xff")
    led = await logs.lead("question", RUN)
    assert led is not None
    host = logs.presence._host
    places = {b"\xff": b"\xff", "a": f"{host}:many", "b": f"{host}:{10**30}", "c": host}
    await redis.hset(EventKeys.workers(), mapping=places)
    await logs.forget_dead_peers()
    assert not {b"a", b"b"} & set(await redis.hkeys(EventKeys.workers()))


async def test_errors_of_a_server_are_not_about_a_value(server) -> None:
    async with Redis.from_url(server.url) as redis:
        await redis.rpush("list", "x")
        for work in (
            redis.get("list"),
            redis.eval("return redis.call('GET', KEYS[1])", 1, "list"),
            redis.eval("return 1 < nil", 0),
        ):
            with pytest.raises(ResponseError) as odd:
                await work
            assert is_odd_value(odd.value)
        await redis.config_set("maxmemory", "1")
        with pytest.raises(OutOfMemoryError) as full:
            await redis.eval("#!lua\nreturn redis.call('SET', KEYS[1], 'x')", 1, "key")
        await redis.config_set("maxmemory", "0")
    assert not is_odd_value(full.value)
    assert not is_odd_value(ReadOnlyError("You can't write against a read only replica."))
    assert not is_odd_value(ResponseError("MISCONF Errors writing, script: f, on @user_script:1."))


async def test_an_entry_larger_than_any_of_ours_is_refused_before_it_is_in_memory(make) -> None:
    one, other = await make(), await make()
    one.open(OTHER, "globex").append(Token(run_id=OTHER, seq=1, text="x", epoch=0))
    await one._link.redis.xadd(EventKeys.stream(RUN), {"frames": b"x" * (MAX_VALUE_BYTES + 1)}, id="1-0")
    before = REDIS_ODD_VALUES_TOTAL.labels("event_log").value
    tracemalloc.start()
    try:
        with other.elsewhere(RUN).follow() as follower, pytest.raises(LogLost, match="something else"):
            await anext(follower)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MAX_VALUE_BYTES / 4
    assert REDIS_ODD_VALUES_TOTAL.labels("event_log").value == before + 1
    with other.elsewhere(OTHER).follow() as follower:  # by a connection of the same pool
        assert (await anext(follower)).seq == 1


async def test_many_entries_that_are_more_than_any_read_are_refused(make, monkeypatch) -> None:
    monkeypatch.setattr(bounded_replies, "MAX_REPLY_BYTES", 1_000_000)
    logs: SharedEventLogs = await make()
    for number in range(1, 40):
        await logs._link.redis.xadd(EventKeys.stream(RUN), {"frames": b"x" * 50_000}, id=f"{number}-0")
    with logs.elsewhere(RUN).follow() as follower, pytest.raises(LogLost, match="something else"):
        await anext(follower)


@pytest.mark.parametrize("protocol", ["", "?protocol=2", "?protocol=3"])
async def test_the_bound_holds_in_either_protocol(server, protocol: str, monkeypatch) -> None:
    monkeypatch.setattr(bounded_replies, "MAX_VALUE_BYTES", 1_000)
    link = RedisLink(server.url + protocol)
    try:
        for size in (1_000, 1_001, 1_000):
            await link.within(link.redis.set("large", b"x" * size))
            if size > 1_000:
                with pytest.raises(LogUnavailable, match="too large"):
                    await link.within(link.redis.get("large"))
            else:
                assert await link.within(link.redis.get("large")) == b"x" * size
    finally:
        await link.aclose()


def test_replies_are_bounded_in_the_protocol_that_the_library_speaks() -> None:
    older, newer = parser_for("redis://host?protocol=2"), parser_for("redis://host?protocol=3")
    assert older is not newer
    assert issubclass(parser_for("redis://host"), DefaultParser)
