"""The event log of a run that goes from one worker to the next, whatever happens in whichever order."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.events.owners import RUN, Owners, Reader, over_files, over_redis
from tests.redis import redis_of_module

from vital_shared.events.log import StaleWriter
from vital_shared.events.memory import MemoryLog
from vital_shared.models.event import RunFailedEvent, Token

__all__ = ["redis_of_module"]

READERS = 4

each_place = pytest.mark.parametrize("make", [over_files, over_redis])


def add(log: MemoryLog, text: str = "x") -> None:
    log.append(Token(run_id=RUN, seq=log.last_seq + 1, epoch=log.epoch, text=text))


def end(log: MemoryLog) -> None:
    log.append(
        RunFailedEvent(run_id=RUN, seq=log.last_seq + 1, epoch=log.epoch, error_type="model", message="No.")
    )
    log.close()


async def all_of(log: MemoryLog) -> list[int]:
    with log.follow() as follower:
        return [event.seq async for event in follower]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 5)),
        st.tuples(st.just("join"), st.integers(0, 8), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.0, 0.002, 0.01])),
        st.tuples(st.just("kill"), st.integers(0, 700)),
        st.tuples(st.just("freeze"), st.integers(1, 3)),
    ),
    max_size=14,
)


async def stale_write(log: MemoryLog, events: int) -> None:
    """Let a worker that was thought dead wake up and write."""
    for _ in range(events):
        try:
            add(log, "stale")
        except StaleWriter:
            return
        await asyncio.sleep(0)


async def play(owners: Owners, moves) -> list[Reader]:
    log = await owners.begin()
    readers: list[Reader] = []
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        for name, *values in moves:
            match name:
                case "append":
                    for _ in range(values[0]):
                        add(log)
                case "join" if len(readers) < READERS:
                    place = min(values[1], len(owners.logs) - 1)
                    after = min(values[0], owners.logs[place].readable_seq)
                    readers.append(Reader(owners, after, place))
                    tasks.create_task(readers[-1].read())
                case "wait":
                    await asyncio.sleep(values[0])
                case "kill":
                    await owners.kill(values[0])
                    log = await owners.take_over()
                case "freeze":
                    frozen = log
                    log = await owners.take_over()
                    await stale_write(frozen, values[0])
                    await until_superseded(frozen)
        end(log)
    return readers


async def until_superseded(log: MemoryLog) -> None:
    while log.last_seq and not log.is_superseded:  # noqa: ASYNC110 - its readers wait for the next owner
        await asyncio.sleep(0.001)
    log.close()


@each_place
@given(moves=steps)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_reader_goes_on_with_the_next_number_at_the_next_owner(make, redis_of_module, moves):
    async def run(folder: str) -> None:
        async with make(Path(folder), redis_of_module) as owners:
            readers = await play(owners, moves)
            last = owners.log.last_seq
            for reader in readers:
                assert reader.numbers == list(range(reader.after + 1, last + 1))
                epochs = [event["epoch"] for event in reader.events]
                assert epochs == sorted(epochs)

    with TemporaryDirectory() as folder:
        asyncio.run(run(folder))


@each_place
async def test_the_next_owner_finds_what_a_reader_has_seen(make, redis_of_module, tmp_path):
    async with make(tmp_path, redis_of_module) as owners:
        log = await owners.begin()
        for count in (1, 3, 2):
            for _ in range(count):
                add(log)
            with log.follow(log.last_seq - 1) as follower:
                await follower.frames()
        await owners.kill(0)
        restored = await owners.take_over()
        assert (restored.last_seq, restored.epoch) == (6, 2)
        end(restored)
        assert await all_of(restored) == list(range(1, 8))


@each_place
async def test_a_reader_does_not_get_what_is_not_written(make, redis_of_module, tmp_path):
    async with make(tmp_path, redis_of_module) as owners:
        log = await owners.begin()
        add(log)
        assert log.readable_event(0) is None
        await owners.written()
        assert log.readable_event(0).seq == 1


@each_place
async def test_a_reader_of_a_worker_that_is_refused_its_last_events_is_not_kept(
    make, redis_of_module, tmp_path
):
    async with make(tmp_path, redis_of_module) as owners:
        log = await owners.begin()
        add(log)
        await owners.written()
        await owners.take_over()
        with log.follow(1) as follower:
            reading = asyncio.create_task(follower.frames())
            add(log)
            log.close()
            assert await asyncio.wait_for(reading, 10) == b""


async def test_a_paced_event_waits_a_few_milliseconds_at_most(redis_of_module, tmp_path):
    async with over_redis(tmp_path, redis_of_module) as owners:
        log, waits = await owners.begin(), []
        for _ in range(30):
            await asyncio.sleep(0.02)
            add(log)
            added = asyncio.get_running_loop().time()
            await log.wait(log.last_seq - 1)
            await owners.written()
            waits.append(asyncio.get_running_loop().time() - added)
    assert sorted(waits)[15] < 0.01, waits
