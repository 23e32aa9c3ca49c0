"""The log of a run in memory: shared, bounded, and read at each reader's own pace."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital_shared.events.encoding import encode
from vital_shared.events.log import StaleWriter
from vital_shared.events.memory import MemoryFollower, MemoryLog
from vital_shared.models.event import Event, RunFailedEvent, RunStarted, Token
from vital_shared.models.workflow_io import WorkflowMode
from vital_shared.workflows.events import RunEvents


def token(seq: int, text: str = "x", epoch: int = 0) -> Event:
    return Token(run_id="r", seq=seq, text=text, epoch=epoch)


async def written(log: MemoryLog, first: int, last: int, text: str = "x") -> None:
    for seq in range(first, last + 1):
        await log.room()
        log.append(token(seq, text))


def size_of(*events: Event) -> int:
    log = MemoryLog("r")
    for event in events:
        log.append(event)
    return log.size


def room_for(events: int) -> int:
    return events * size_of(token(1))


def frames(*numbers: int, text: str = "x") -> bytes:
    return b"".join(encode(token(number, text)) for number in numbers)


async def read(follower: MemoryFollower, count: int) -> list[int]:
    return [(await anext(follower)).seq for _ in range(count)]


async def in_vain(task: asyncio.Task) -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return not task.done()


def test_an_event_is_one_block_of_lines() -> None:
    assert encode(token(7, 'a\n"é')) == (
        b'id: 7\nevent: token\ndata: {"run_id":"r","seq":7,"epoch":0,"type":"token","text":"a\\n\\"\xc3\xa9"}\n\n'
    )


async def test_a_follower_reads_from_any_point() -> None:
    log = MemoryLog("r")
    await written(log, 1, 3)
    log.close()
    for after in range(5):
        with log.follow(after) as follower:
            assert await follower.frames() == frames(*range(after + 1, 4))
            assert await follower.frames() == b""
        with log.follow(after) as follower:
            assert [event.seq async for event in follower] == list(range(after + 1, 4))


async def test_a_follower_waits_for_what_comes() -> None:
    log = MemoryLog("r")
    with log.follow() as follower:
        for read_next in (follower.frames, follower.__anext__):
            waiting = asyncio.create_task(read_next())
            assert await in_vain(waiting)
            await written(log, log.last_seq + 1, log.last_seq + 1)
            await waiting
        waiting = asyncio.create_task(follower.frames())
        assert await in_vain(waiting)
        log.close()
        assert await waiting == b""


async def test_a_cancelled_reader_leaves_no_trace() -> None:
    log = MemoryLog("r")
    with log.follow() as follower:
        waiting = asyncio.create_task(anext(follower))
        assert await in_vain(waiting)
        waiting.cancel()
        await asyncio.wait([waiting])
        await written(log, 1, 1)
        assert await read(follower, 1) == [1]


async def test_a_follower_that_is_stopped_reads_no_further() -> None:
    log = MemoryLog("r")
    with log.follow() as follower:
        waiting = asyncio.create_task(follower.frames())
        assert await in_vain(waiting)
        follower.stop()
        assert await waiting == b""
        await written(log, 1, 1)
        assert [event async for event in follower] == []


async def test_a_full_log_waits_for_its_slowest_follower_only() -> None:
    log = MemoryLog("r", limit_bytes=room_for(3))
    with log.follow() as quick, log.follow() as slow:
        await written(log, 1, 3)
        await read(quick, 3)
        writing = asyncio.create_task(written(log, 4, 4))
        assert await in_vain(writing)
        await read(slow, 1)
        await writing
    assert (log.first_seq, log.last_seq) == (2, 4)


async def test_a_follower_may_have_a_limit_of_its_own() -> None:
    log = MemoryLog("r")
    with log.follow(max_unread=2) as follower:
        writing = asyncio.create_task(written(log, 1, 5))
        assert await in_vain(writing)
        assert log.last_seq == 2
        await read(follower, 1)
        assert await in_vain(writing)
        assert log.last_seq == 3
    await writing


async def test_an_event_that_cannot_wait_is_written_to_a_full_log() -> None:
    log = MemoryLog("r", limit_bytes=room_for(1))
    with log.follow() as follower:
        for seq in range(1, 6):
            log.append(token(seq))
        log.close()
        assert [event.seq async for event in follower] == [1, 2, 3, 4, 5]


async def test_all_of_several_writers_get_their_turn() -> None:
    log = MemoryLog("r", limit_bytes=room_for(1))

    async def write(start: int) -> None:
        for number in range(start, start + 3):
            await log.room()
            log.append(token(log.last_seq + 1, str(number)))

    async with asyncio.TaskGroup() as tasks:
        with log.follow() as follower:
            for start in (0, 10, 20):
                tasks.create_task(write(start))
            texts = [int((await anext(follower)).text) for _ in range(9)]
    assert sorted(texts) == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert [number for number in texts if number < 10] == [0, 1, 2]


async def test_a_cancelled_writer_does_not_hold_up_another() -> None:
    log = MemoryLog("r", limit_bytes=room_for(1))
    with log.follow() as follower:
        log.append(token(1))
        writers = [asyncio.create_task(log.room()) for _ in range(3)]
        assert await in_vain(writers[2])
        writers[0].cancel()
        writers[1].cancel()
        await asyncio.wait(writers[:2])
        await read(follower, 1)
        await writers[2]


async def test_a_follower_that_leaves_is_not_waited_for() -> None:
    log = MemoryLog("r", limit_bytes=1)
    with log.follow():
        await written(log, 1, 1)
        writing = asyncio.create_task(written(log, 2, 2))
        assert await in_vain(writing)
    await writing


async def test_a_late_reader_begins_with_the_oldest_that_is_there() -> None:
    log = MemoryLog("r", limit_bytes=room_for(2))
    await written(log, 1, 9)
    log.close()
    for after in (0, 4):
        with log.follow(after) as follower:
            assert await follower.frames() == frames(8, 9)
        with log.follow(after) as follower:
            assert [event.seq async for event in follower] == [8, 9]


async def test_its_size_is_bounded_read_or_not() -> None:
    log = MemoryLog("r", limit_bytes=5_000)
    with log.follow() as follower:
        for seq in range(1, 200):
            await log.room()
            log.append(token(seq, "y" * 30))
            if seq % 3 == 0:
                assert await follower.frames()
            assert log.size <= 5_000


async def test_an_event_is_encoded_at_most_once_and_only_for_a_reader_of_bytes(monkeypatch) -> None:
    encoded = []

    def counting(event: Event) -> bytes:
        encoded.append(event.seq)
        return encode(event)

    monkeypatch.setattr("vital_shared.events.memory.encode", counting)
    log = MemoryLog("r")
    await written(log, 1, 3)
    with log.follow() as follower:
        await read(follower, 3)
    assert encoded == []
    for _ in range(3):
        with log.follow() as follower:
            await follower.frames()
    assert encoded == [1, 2, 3]


async def test_events_that_another_process_numbered_are_left_out() -> None:
    log = MemoryLog("r")
    await written(log, 1, 2)
    log.close()
    log.reopen(6, 0)
    await written(log, 7, 8)
    with log.follow() as follower:
        assert await follower.frames() == frames(7, 8)


async def test_large_logs_are_read_in_pieces() -> None:
    log = MemoryLog("r")
    await written(log, 1, 30, text="z" * 10_000)
    log.close()
    pieces = []
    with log.follow() as follower:
        while piece := await follower.frames():
            pieces.append(piece)
    assert len(pieces) > 3
    assert b"".join(pieces) == frames(*range(1, 31), text="z" * 10_000)


async def test_it_knows_how_the_run_has_ended_until_it_goes_on() -> None:
    log = MemoryLog("r")
    end = RunFailedEvent(run_id="r", seq=1, error_type="model", message="No.")
    log.append(end)
    log.close()
    assert (log.outcome, log.is_closed) == (end, True)
    log.reopen(1, 0)
    assert (log.outcome, log.is_closed, log.last_seq) == (None, False, 1)


async def test_a_writer_of_an_earlier_epoch_writes_no_more() -> None:
    log = MemoryLog("r")
    log.append(token(1))
    log.append(token(2, epoch=1))
    with pytest.raises(StaleWriter):
        log.append(token(3))
    assert (log.last_seq, log.epoch) == (2, 1)


async def test_a_full_log_waits_for_a_first_reader_that_is_still_to_come() -> None:
    log = MemoryLog("r", limit_bytes=room_for(3))
    log.keep_place()
    writing = asyncio.create_task(written(log, 1, 9))
    assert await in_vain(writing)
    assert (log.first_seq, log.last_seq) == (1, 3)
    with log.follow() as follower:
        log.give_up_place()
        assert await read(follower, 9) == list(range(1, 10))
    await writing


async def test_a_full_log_waits_no_longer_for_a_reader_that_does_not_come() -> None:
    log = MemoryLog("r", limit_bytes=room_for(3))
    log.keep_place()
    writing = asyncio.create_task(written(log, 1, 9))
    assert await in_vain(writing)
    log.give_up_place()
    await writing
    assert (log.first_seq, log.last_seq) == (7, 9)


def test_events_carry_the_epoch_of_their_writer() -> None:
    log = MemoryLog("r", epoch=3)
    events = RunEvents(log)
    events.emit(RunStarted, mode=WorkflowMode.MODE_2)
    events.emit_text("x")
    assert [log.event(seq).epoch for seq in (1, 2)] == [3, 3]


@given(st.lists(st.tuples(st.booleans(), st.text(min_size=1))), st.integers(0, 3), st.booleans())
def test_a_piece_of_text_is_a_token_to_every_reader(pieces, epoch, read_before):
    """Whether it was appended as its text or as the event, and whether events or bytes are read first."""
    log, other = MemoryLog("r", epoch=epoch), MemoryLog("r", epoch=epoch)
    for as_text, text in pieces:
        event = token(other.last_seq + 1, text, epoch)
        other.append(event)
        log.append_text(text) if as_text else log.append(event)
    assert log.size == other.size
    if read_before:
        assert log.piece(0, log.last_seq) == other.piece(0, other.last_seq)
    for seq in range(log.last_seq + 2):
        assert log.event(seq) == other.event(seq)
    assert log.piece(0, log.last_seq) == other.piece(0, other.last_seq)


def test_a_piece_of_text_keeps_the_epoch_in_which_it_was_written() -> None:
    log = MemoryLog("r")
    log.append_text("x")
    log.append(token(2, epoch=1))
    log.append_text("y")
    assert [log.event(seq) for seq in (1, 2, 3)] == [token(1), token(2, epoch=1), token(3, "y", epoch=1)]


async def test_a_piece_of_text_wakes_a_reader() -> None:
    log = MemoryLog("r")
    with log.follow() as follower:
        reading = asyncio.create_task(anext(follower))
        await asyncio.sleep(0)
        log.append_text("x")
        assert await reading == token(1)
