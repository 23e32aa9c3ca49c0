"""Logs that processes share through a real Redis: late by a moment, and no harm when it is slow or gone."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs
from tests.redis import running_redis

from vital_shared.errors import ConfigurationError
from vital_shared.events import mirror
from vital_shared.events.log import LogLost, LogUnavailable
from vital_shared.events.redis_link import EventKeys
from vital_shared.events.shared_logs import SharedEventLogs
from vital_shared.models.event import Event, RunFailedEvent, Token

RUN = "run_1"


def token(seq: int, epoch: int = 0) -> Event:
    return Token(run_id=RUN, seq=seq, text="x", epoch=epoch)


@pytest.fixture
async def server(tmp_path):
    async with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
async def make(server):
    """Make the logs of several processes."""
    async with AsyncExitStack() as stack:

        async def start() -> SharedEventLogs:
            logs = SharedEventLogs(server.url)
            stack.push_async_callback(logs.aclose)
            await logs.start()
            await logs.presence.sign()
            return logs

        yield start


async def all_of(logs: SharedEventLogs, after: int = 0) -> list[int]:
    async with asyncio.timeout(20):
        with logs.elsewhere(RUN).follow(after) as follower:
            return [event.seq async for event in follower]


async def in_redis(logs: SharedEventLogs, last_seq: int) -> None:
    async with asyncio.timeout(20):
        while True:
            found = await logs.find_peer_log(RUN)
            if found is not None and found.last_seq >= last_seq:
                return
            await asyncio.sleep(0.01)


async def test_a_run_is_found_with_its_owner_its_state_and_its_events(make):
    one, other = await make(), await make()
    assert await other.find_peer_log(RUN) is None
    log = one.open(RUN, "acme")
    log.append(token(1))
    await in_redis(other, 1)
    found = await other.find_peer_log(RUN)
    assert (found.tenant_id, found.state, found.first_seq, found.last_seq) == ("acme", "live", 1, 1)
    log.append(RunFailedEvent(run_id=RUN, seq=2, error_type="model", message="No."))
    log.close()
    assert await all_of(other) == [1, 2]
    assert (await other.find_peer_log(RUN)).state == "ended"


async def test_what_redis_has_lost_is_written_again_from_memory(make, server):
    one, other = await make(), await make()
    log = one.open(RUN, "acme")
    for seq in range(1, 4):
        log.append(token(seq))
    await in_redis(other, 3)
    await server.kill()
    log.append(token(4))
    await server.start()
    await in_redis(other, 4)
    log.close()
    assert await all_of(other) == [1, 2, 3, 4]


async def test_a_silent_run_is_written_again_too(make, server):
    one, other = await make(), await make()
    log = one.open(RUN, "acme")
    log.append(token(1))
    await in_redis(other, 1)
    await other._link.redis.flushall()
    await in_redis(other, 1)
    log.close()
    assert await all_of(other) == [1]


@pytest.mark.parametrize("fault", ["kill", "pause"])
async def test_a_fault_of_redis_slows_nobody_who_reads_memory(make, server, fault):
    one = await make()
    log = one.open(RUN, "acme")
    getattr(server, fault)() if fault == "pause" else await server.kill()
    try:
        async with asyncio.timeout(1):
            with log.follow() as follower:
                for seq in range(1, 1_001):
                    await log.room()
                    log.append(token(seq))
                    assert (await anext(follower)).seq == seq
    finally:
        if fault == "pause":
            server.go_on()


async def test_a_reader_learns_that_redis_is_gone(make, server, monkeypatch):
    monkeypatch.setattr("vital_shared.events.redis.LOST_SECONDS", 0.3)
    one, other = await make(), await make()
    one.open(RUN, "acme").append(token(1))
    await in_redis(other, 1)
    with other.elsewhere(RUN).follow() as follower:
        assert (await anext(follower)).seq == 1
        await server.kill()
        with pytest.raises(LogLost, match="Redis"):
            async with asyncio.timeout(10):
                await anext(follower)


async def test_a_run_of_a_dead_process_is_lost(make):
    one, other = await make(), await make()
    one.open(RUN, "acme").append(token(1))
    await in_redis(other, 1)
    for task in one._tasks:
        task.cancel()
    await other._link.redis.delete(EventKeys.worker(one.presence.worker))
    assert (await other.find_peer_log(RUN)).state == "lost"


async def slow(logs: SharedEventLogs, server) -> None:
    server.pause()
    with pytest.raises(LogUnavailable):
        await logs.presence.sign()
    server.go_on()


async def late(logs: SharedEventLogs, server) -> None:
    """Let a process have given no sign for so long that Redis has forgotten it."""
    await logs._link.redis.delete(EventKeys.worker(logs.presence.worker))


async def emptied(logs: SharedEventLogs, server) -> None:
    await logs._link.redis.flushall()


async def started_again(logs: SharedEventLogs, server) -> None:
    await server.kill()
    await server.start()


async def until_older(server) -> None:
    """Wait until what Redis has was there for longer than a run has run, to the second."""
    logs = SharedEventLogs(server.url)
    async with asyncio.timeout(20):
        while not await logs.presence.was_unbroken(1.0):  # noqa: ASYNC110 - Redis has no event for it
            await asyncio.sleep(0.02)
    await logs.aclose()


@pytest.mark.parametrize(
    ("happen", "is_lost"), [(slow, False), (late, False), (emptied, True), (started_again, True)]
)
async def test_a_log_is_lost_where_redis_has_lost_it_and_not_where_it_was_slow(make, server, happen, is_lost):
    one, other = await make(), await make()
    log = one.open(RUN, "acme", is_durable=True)
    log.append(token(1))
    await in_redis(other, 1)
    log.supersede()
    await until_older(server)
    await happen(other, server)
    await other.presence.sign()
    restored = await other.restore(RUN, "acme", epoch=1, age_seconds=0.9)
    assert (restored.last_seq > 1) == is_lost


async def test_readers_wait_for_a_redis_that_is_slow(make, server):
    one = await make()
    log = one.open(RUN, "acme", is_durable=True)
    log.append(token(1))
    await in_redis(one, 1)
    server.pause()
    log.append(token(2))
    one._mirror.note(log)
    await one._mirror.flush()
    assert log.readable_seq == 1
    server.go_on()
    async with asyncio.timeout(20):
        await log.readable()
    assert log.readable_seq == 2


async def test_a_writer_of_an_earlier_epoch_is_refused(make):
    one, other = await make(), await make()
    early, late = one.open(RUN, "acme"), other.open(RUN, "acme")
    late.reopen(1, 1)
    early.append(token(1))
    await in_redis(other, 1)
    late.append(token(2, epoch=1))
    await in_redis(one, 2)
    with capture_logs() as lines:
        early.append(token(2))
        await one._mirror.flush()
    assert [line["event"] for line in lines] == ["event_log_superseded"]
    late.close()
    assert await all_of(one) == [1, 2]


async def test_another_process_can_cancel(make):
    one, other = await make(), await make()
    log = one.open(RUN, "acme")
    log.append(token(1))
    await in_redis(other, 1)

    def cancel(run_id: str) -> None:
        assert run_id == RUN
        log.append(RunFailedEvent(run_id=RUN, seq=2, error_type="cancelled", message="Cancelled."))
        log.close()

    one.on_cancel = cancel
    assert await other.cancel_at_peer(await other.find_peer_log(RUN))


async def test_odd_bytes_in_an_inbox_end_neither_it_nor_its_cancellations(make):
    one, other = await make(), await make()
    cancelled = asyncio.get_running_loop().create_future()
    one.on_cancel = cancelled.set_result
    await other._link.redis.rpush(EventKeys.inbox(one.presence.worker), b"\xff\xfe")
    await other.presence.ask_to_cancel(one.presence.worker, RUN)
    async with asyncio.timeout(20):
        assert await cancelled == RUN


async def test_a_reader_elsewhere_is_known_while_it_reads(make):
    one, other = await make(), await make()
    one.open(RUN, "acme").append(token(1))
    await in_redis(other, 1)
    assert not await one.has_reader_at_peer(RUN)
    with other.elsewhere(RUN).follow() as follower:
        await anext(follower)
        assert await one.has_reader_at_peer(RUN)


async def test_one_of_identical_requests_leads_until_it_ends(make):
    one, other = await make(), await make()
    assert await one.lead("key", "run_1") is None
    assert (await other.lead("key", "run_2")).run_id == "run_1"
    await one.end_lead("key", "run_1")
    assert await other.lead("key", "run_2") is None
    assert (await one.lead("key", "run_3", "run_1")).run_id == "run_2"
    assert await one.lead("key", "run_3", "run_2") is None


async def test_without_redis_each_process_leads_by_itself(make, server):
    one, other = await make(), await make()
    await server.kill()
    assert await one.lead("key", "run_1") is None
    assert await other.lead("key", "run_2") is None
    assert await other.find_peer_log("run_1") is None


async def test_batches_are_gathered_for_a_moment_only():
    assert mirror.DELAY_SECONDS <= 0.02


@pytest.mark.parametrize(
    ("policy", "warns"), [("noeviction", False), ("allkeys-lru", True), ("volatile-ttl", True)]
)
async def test_a_redis_that_may_evict_logs_is_named_at_the_start(make, server, policy, warns):
    one = await make()
    await one._link.redis.config_set("maxmemory-policy", policy)
    with capture_logs() as lines:
        await make()
    assert [line["policy"] for line in lines if line["event"] == "redis_evicts_event_logs"] == [
        policy
    ] * warns


def test_an_address_that_is_none_is_an_error():
    with pytest.raises(ConfigurationError, match="VITAL_REDIS_URL"):
        SharedEventLogs("http://example.org")
