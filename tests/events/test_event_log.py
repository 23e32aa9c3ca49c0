"""The same promises of both event logs, in memory and over Redis, whatever happens in whichever order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.redis import redis_of_module

from vital_shared.events.encoding import decode
from vital_shared.events.log import LogLost
from vital_shared.events.logs import EventLogs
from vital_shared.events.memory import MemoryLog
from vital_shared.events.redis_link import EventKeys
from vital_shared.events.shared_logs import SharedEventLogs
from vital_shared.models.event import Event, RunFailedEvent, Token

__all__ = ["redis_of_module"]

RUN = "run_1"
READERS = 4


def token(seq: int) -> Event:
    return Token(run_id=RUN, seq=seq, text=f"t{seq} ")


def outcome(seq: int) -> Event:
    return RunFailedEvent(run_id=RUN, seq=seq, error_type="model", message="No.")


class InMemory:
    """One process: the readers read the writer's log."""

    def __init__(self) -> None:
        self.logs = EventLogs()
        self.log: MemoryLog = self.logs.open(RUN, "acme")

    def follow(self, after: int):
        return self.log.follow(after)

    async def crash(self) -> None:
        """The readers would die with it; what they see is the end of the log."""
        self.log.close()

    async def lose(self) -> None:
        """Memory is not lost alone."""


class OverRedis:
    """Two processes: one writes, the other reads."""

    def __init__(self, writer: SharedEventLogs, reader: SharedEventLogs) -> None:
        self.writer, self.reader = writer, reader
        self.log: MemoryLog = writer.open(RUN, "acme")

    def follow(self, after: int):
        return self.reader.elsewhere(RUN).follow(after)

    async def crash(self) -> None:
        for task in self.writer._tasks:
            task.cancel()
        await self.writer._link.redis.delete(EventKeys.worker(self.writer.presence.worker))

    async def lose(self) -> None:
        """Redis starts anew, with nothing."""
        await self.reader._link.redis.flushall()
        await self.writer.presence.sign()
        await self.reader.presence.sign()


@asynccontextmanager
async def in_memory(_url: str) -> AsyncIterator[InMemory]:
    yield InMemory()


@asynccontextmanager
async def over_redis(url: str) -> AsyncIterator[OverRedis]:
    writer, reader = SharedEventLogs(url), SharedEventLogs(url)
    await writer._link.redis.flushall()
    try:
        for logs in (writer, reader):
            await logs.start()
            await logs.presence.sign()
        yield OverRedis(writer, reader)
    finally:
        await writer.aclose()
        await reader.aclose()


each_log = pytest.mark.parametrize("make", [in_memory, over_redis])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a log be lost within a moment."""
    monkeypatch.setattr("vital_shared.events.redis.WATCH_SECONDS", 0.02)
    monkeypatch.setattr("vital_shared.events.redis.LOST_SECONDS", 0.3)
    monkeypatch.setattr("vital_shared.events.redis.BLOCK_MILLISECONDS", 20)


class Reader:
    """A reader of events or of bytes, and what it has got."""

    def __init__(self, bed, after: int, *, bytewise: bool) -> None:
        self.after = after
        self.seen: list[int] = []
        self.is_lost = False
        self._bed, self._bytewise = bed, bytewise

    async def read(self) -> None:
        try:
            with self._bed.follow(self.after) as follower:
                if self._bytewise:
                    while piece := await follower.frames():
                        self.seen += [fields["seq"] for _, fields in decode(piece)]
                else:
                    async for event in follower:
                        self.seen.append(event.seq)
        except LogLost:
            self.is_lost = True


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 5)),
        st.tuples(st.just("join"), st.integers(0, 8), st.booleans()),
        st.tuples(st.just("leave"), st.integers(0, READERS)),
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.001, 0.015, 0.03])),
        st.tuples(st.just("lose")),
    ),
    max_size=14,
)


async def play(bed, moves, end: str) -> tuple[list[tuple[Reader, asyncio.Task]], int]:
    log, readers = bed.log, []
    for name, *values in moves:
        match name:
            case "append":
                for _ in range(values[0]):
                    await log.room()
                    log.append(token(log.last_seq + 1))
            case "join" if len(readers) < READERS:
                reader = Reader(bed, min(values[0], log.last_seq), bytewise=values[1])
                readers.append((reader, asyncio.create_task(reader.read())))
            case "leave" if values[0] < len(readers):
                readers[values[0]][1].cancel()
            case "wait":
                await asyncio.sleep(values[0])
            case "lose":
                await bed.lose()
    if end == "crash":
        await bed.crash()
    else:
        log.append(outcome(log.last_seq + 1))
        log.close()
    async with asyncio.timeout(20):
        await asyncio.wait([task for _, task in readers] or [asyncio.create_task(asyncio.sleep(0))])
    return readers, log.last_seq


def fault_of(reader, task, last: int, end: str) -> str | None:
    """Return what is wrong with the events that a reader got; None: nothing."""
    expected = list(range(reader.after + 1, last + 1))
    if reader.seen != expected[: len(reader.seen)]:
        return f"a gap, a repetition, or another order: {reader.seen}"
    if task.cancelled():
        return None
    task.result()
    if end == "close" and (reader.is_lost or reader.seen != expected):
        return f"lost before the end: {reader.seen} of {expected}"
    return None


@each_log
@given(moves=steps, end=st.sampled_from(["close", "close", "crash"]))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_reader_gets_all_events_after_its_place_once_and_in_order(make, redis_of_module, moves, end):
    async def run() -> None:
        async with make(redis_of_module) as bed:
            readers, last = await play(bed, moves, end)
            faults = [fault for each in readers if (fault := fault_of(*each, last, end))]
            assert faults == []

    asyncio.run(run())


@each_log
async def test_a_reader_that_comes_after_the_end_gets_all_from_its_place(make, redis_of_module):
    async with make(redis_of_module) as bed:
        for seq in range(1, 6):
            bed.log.append(token(seq))
        bed.log.append(outcome(6))
        bed.log.close()
        for after in (0, 3, 6):
            reader = Reader(bed, after, bytewise=True)
            if after < 6 or make is in_memory:
                await reader.read()
            assert reader.seen == list(range(after + 1, 7))


@each_log
async def test_it_goes_on_after_a_pause(make, redis_of_module):
    async with make(redis_of_module) as bed:
        bed.log.append(token(1))
        bed.log.close()
        first = Reader(bed, 0, bytewise=False)
        await first.read()
        bed.log.reopen(1, 0)
        bed.log.append(token(2))
        bed.log.append(outcome(3))
        bed.log.close()
        second = Reader(bed, 1, bytewise=False)
        if make is over_redis:
            await bed.writer._mirror.flush()
        await second.read()
    assert (first.seen, second.seen) == ([1], [2, 3])
