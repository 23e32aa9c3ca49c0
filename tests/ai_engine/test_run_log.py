"""The log of a run: shared, bounded, and read at each one's own pace."""

import asyncio

from ai_engine.runs.event_log import RunLog, encode
from vital_shared.models.event import Event, RunFailedEvent, Token


def token(seq: int, text: str = "x") -> Event:
    return Token(run_id="r", seq=seq, text=text)


async def written(log: RunLog, first: int, last: int, text: str = "x") -> None:
    for seq in range(first, last + 1):
        await log.append(token(seq, text))


def frames(*numbers: int, text: str = "x") -> bytes:
    return b"".join(encode(token(number, text)) for number in numbers)


def test_an_event_is_one_block_of_lines() -> None:
    assert encode(token(7, 'a\n"é')) == (
        b'id: 7\nevent: token\ndata: {"run_id":"r","seq":7,"type":"token","text":"a\\n\\"\xc3\xa9"}\n\n'
    )


async def test_a_follower_reads_from_any_point() -> None:
    log = RunLog()
    await written(log, 1, 3)
    for after in range(5):
        with log.follow(after) as follower:
            assert log.take(follower) == frames(*range(after + 1, 4))
            assert log.take(follower) == b""


async def test_a_follower_waits_for_what_comes() -> None:
    log = RunLog()
    with log.follow() as follower:
        waiting = asyncio.create_task(log.wait(follower))
        await asyncio.sleep(0)
        assert not waiting.done()
        await written(log, 1, 1)
        await waiting
        assert log.take(follower) == frames(1)
        waiting = asyncio.create_task(log.wait(follower))
        log.close()
        await waiting


async def test_a_full_log_waits_for_its_slowest_follower_only() -> None:
    log = RunLog(limit_bytes=3 * len(encode(token(1))))
    with log.follow() as quick, log.follow() as slow:
        await written(log, 1, 3)
        log.take(quick)
        writing = asyncio.create_task(log.append(token(4)))
        await asyncio.sleep(0)
        assert not writing.done()
        log.take(slow)
        await writing
    assert (log.first_seq, log.last_seq) == (2, 4)


async def test_a_follower_that_leaves_is_not_waited_for() -> None:
    log = RunLog(limit_bytes=1)
    with log.follow():
        await log.append(token(1))
        writing = asyncio.create_task(log.append(token(2)))
        await asyncio.sleep(0)
        assert not writing.done()
    await writing


async def test_who_comes_late_begins_with_the_oldest_that_is_there() -> None:
    log = RunLog(limit_bytes=2 * len(encode(token(1))))
    await written(log, 1, 9)
    with log.follow() as follower:
        assert log.take(follower) == frames(8, 9)


async def test_its_size_is_that_of_what_it_holds() -> None:
    log = RunLog(limit_bytes=1_000)
    await written(log, 1, 50, text="y" * 30)
    with log.follow() as follower:
        assert log.size == len(log.take(follower)) <= 1_000


async def test_events_that_another_process_numbered_are_left_out() -> None:
    log = RunLog()
    await written(log, 1, 2)
    await written(log, 7, 8)
    with log.follow() as follower:
        assert log.take(follower) == frames(7, 8)
    assert log.size == len(frames(7, 8))


async def test_large_logs_are_read_in_pieces() -> None:
    log = RunLog()
    await written(log, 1, 30, text="z" * 10_000)
    pieces = []
    with log.follow() as follower:
        while piece := log.take(follower):
            pieces.append(piece)
    assert len(pieces) > 3
    assert b"".join(pieces) == frames(*range(1, 31), text="z" * 10_000)


async def test_it_knows_how_the_run_has_ended_until_it_goes_on() -> None:
    log = RunLog()
    end = RunFailedEvent(run_id="r", seq=1, error_type="model", message="No.")
    await log.append(end)
    log.close()
    assert (log.outcome, log.closed) == (end, True)
    log.reopen()
    assert (log.outcome, log.closed) == (None, False)


async def test_a_full_log_waits_for_a_first_reader_that_is_still_to_come() -> None:
    log = RunLog(limit_bytes=len(frames(1)) * 3)
    log.keep_place()
    writing = asyncio.create_task(written(log, 1, 9))
    await asyncio.sleep(0)
    assert (log.first_seq, log.last_seq, writing.done()) == (1, 3, False)
    read = b""
    with log.follow() as follower:
        log.give_up_place()
        while len(read) < len(frames(*range(1, 10))):
            read += log.take(follower)
            await asyncio.sleep(0)
    await writing
    assert read == frames(*range(1, 10))


async def test_a_full_log_waits_no_longer_for_a_reader_that_does_not_come() -> None:
    log = RunLog(limit_bytes=len(frames(1)) * 3)
    log.keep_place()
    writing = asyncio.create_task(written(log, 1, 9))
    await asyncio.sleep(0)
    assert not writing.done()
    log.give_up_place()
    await writing
    assert (log.first_seq, log.last_seq) == (7, 9)
