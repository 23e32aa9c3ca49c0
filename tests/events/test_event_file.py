"""The file of the events of durable runs: bounded, emptied, and no harm where the disk does not take it."""

import asyncio
import os
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from vital_shared.events import event_file, left_events
from vital_shared.events.encoding import last_seq as last_seq_of
from vital_shared.events.event_file import SUFFIX
from vital_shared.events.left_events import LeftEvents
from vital_shared.events.logs import EventLogs
from vital_shared.events.memory import MemoryLog
from vital_shared.events.written_log import WrittenLog
from vital_shared.models.event import RunFailedEvent, RunPaused, Token
from vital_shared.models.workflow_io import Timings, WorkflowMode, WorkflowOutput
from vital_shared.monitoring.metrics import EVENTS_NOT_WRITTEN_AHEAD_TOTAL

WAITING = WorkflowOutput(
    run_id="run_1",
    status="awaiting_approval",
    mode=WorkflowMode.MODE_1,
    tenant_id="acme",
    agent_id="expert",
    response="",
    timings=Timings(total_seconds=1.5),
)


def begun(logs: EventLogs, run_id: str = "run_1") -> MemoryLog:
    return logs.open(run_id, "acme", is_durable=True)


def add(log: MemoryLog, text: str = "x") -> None:
    log.append(Token(run_id=log.run_id, seq=log.last_seq + 1, epoch=log.epoch, text=text))


def end(log: MemoryLog) -> None:
    failed = RunFailedEvent(
        run_id=log.run_id, seq=log.last_seq + 1, epoch=log.epoch, error_type="model", message="No."
    )
    log.append(failed)
    log.close()


async def written(log: MemoryLog) -> None:
    with log.follow(log.last_seq - 1) as follower:
        async with asyncio.timeout(10):
            await anext(follower)


def die(logs: EventLogs) -> None:
    """End the process: its lock goes, and nothing is tidied up."""
    logs._file._file.close()
    logs._file._file = None


@pytest.fixture
async def process(tmp_path):
    """Make the logs of one more process."""
    async with AsyncExitStack() as stack:

        def make() -> EventLogs:
            logs = EventLogs(tmp_path)
            stack.push_async_callback(logs.aclose)
            return logs

        yield make


def files(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def none_running(_runs: set[str]) -> set[str]:
    return set()


async def test_a_run_that_is_not_durable_leaves_nothing_and_waits_for_nothing(process, tmp_path):
    log = process().open("run_1", "acme")
    add(log)
    assert log.readable_event(0).text == "x"
    await asyncio.sleep(0)
    assert not isinstance(log, WrittenLog)
    assert files(tmp_path) == []


async def test_an_event_that_was_written_by_half_is_left_out(process, tmp_path):
    logs = process()
    log = begun(logs)
    for _ in range(3):
        add(log, "a longer text")
    await written(log)
    (path,) = tmp_path.glob(f"*{SUFFIX}")
    whole = path.stat().st_size
    die(logs)
    for size in range(whole, whole - 90, -7):
        os.truncate(path, size)
        assert last_seq_of(LeftEvents(tmp_path).take("run_1", 1)) == (3 if size == whole else 2)


async def test_a_full_disk_holds_no_reader_up_and_is_logged_and_counted(process, tmp_path, monkeypatch):
    logs = process()
    log = begun(logs)
    add(log)
    await written(log)
    before = EVENTS_NOT_WRITTEN_AHEAD_TOTAL.labels().value
    monkeypatch.setattr(event_file, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(event_file.os, "write", full)
    monkeypatch.setattr(event_file, "create_locked_file", full)
    with capture_logs() as lines:
        for _ in range(5):
            add(log)
            await written(log)
    assert [line["event"] for line in lines] == ["events_not_written"]
    assert EVENTS_NOT_WRITTEN_AHEAD_TOTAL.labels().value - before == 5
    monkeypatch.undo()
    await until_written(log)
    die(logs)
    assert (await process().restore("run_1", "acme", epoch=1)).last_seq == 6


def full(*_: object) -> int:
    raise OSError(28, "No space left on device")


async def until_written(log: WrittenLog) -> None:
    async with asyncio.timeout(10):
        while log.written_seq < log.last_seq:  # noqa: ASYNC110 - readers have it already
            await asyncio.sleep(0.01)


async def test_the_file_keeps_what_may_still_be_read_and_stays_small(process, tmp_path, monkeypatch):
    monkeypatch.setattr(event_file, "FILE_BYTES", 20_000)
    logs = process()
    kept = begun(logs, "run_kept")
    add(kept, "to be kept")
    for number in range(100):
        log = begun(logs, f"run_{number}")
        add(log, "y" * 1_000)
        await written(log)
        end(log)
        await written(log)
        del log  # its retention is over
    (path,) = tmp_path.glob(f"*{SUFFIX}")
    assert path.stat().st_size < 25_000
    assert b"to be kept" in path.read_bytes()


async def test_events_of_ended_runs_go_when_nothing_can_read_them_any_more(process, tmp_path):
    logs = process()
    log = begun(logs)
    add(log)
    await written(log)
    (path,) = tmp_path.glob(f"*{SUFFIX}")
    await logs.forget_ended(none_running)
    assert path.stat().st_size
    end(log)
    await written(log)
    del log
    await logs.forget_ended(none_running)
    assert path.stat().st_size == 0
    log = begun(logs, "run_2")
    add(log)
    await written(log)
    assert path.read_bytes().startswith(b"id: 1\n")


async def test_a_dead_processs_file_goes_some_time_after_all_of_its_runs_have_ended(
    process, tmp_path, monkeypatch
):
    logs = process()
    running = {"run_1", "run_2"}

    async def of_those(runs: set[str]) -> set[str]:
        return runs & running

    for run_id in ("run_1", "run_2", "run_ended"):
        log = begun(logs, run_id)
        add(log)
        if run_id == "run_ended":
            end(log)
        await written(log)
    await process().forget_ended(of_those)
    assert len(files(tmp_path)) == 1, "its process lives"
    die(logs)
    later = process()
    for _ in range(2):
        await later.forget_ended(of_those)
        assert len(files(tmp_path)) == 1
        running.pop()
    await later.forget_ended(of_those)
    assert len(files(tmp_path)) == 1, "a reader may be behind"
    monkeypatch.setattr(left_events, "ENDED_SECONDS", 0.0)
    await later.forget_ended(of_those)
    assert files(tmp_path) == []


async def test_the_file_of_a_dead_process_stays_while_a_run_waits(process, tmp_path, monkeypatch):
    monkeypatch.setattr(left_events, "ENDED_SECONDS", 0.0)
    for dies in (True, False):
        logs = process()
        log = begun(logs)
        add(log)
        log.append(pause(log.last_seq + 1))
        log.close()
        await written(log)
        die(logs) if dies else await logs.aclose()

        async def waiting(runs: set[str]) -> set[str]:
            return runs

        later = process()
        await later.forget_ended(waiting)
        assert len(files(tmp_path)) == 1
        await later.forget_ended(none_running)
        assert files(tmp_path) == []


def pause(seq: int) -> RunPaused:
    return RunPaused(run_id="run_1", seq=seq, epoch=0, output=WAITING)


async def test_a_pause_that_was_stored_but_not_written_keeps_its_number(process):
    logs = process()
    log = begun(logs)
    for _ in range(2):
        add(log)
    await written(log)
    die(logs)
    types = ["token", "token", "run_paused"]
    next_logs = process()
    paused = begun(next_logs)
    next_logs.reopen(paused, pause(3), 1, await next_logs.left("run_1", 0))
    assert [paused.event(seq).type for seq in range(1, paused.last_seq + 1)] == types
    taken = await process().restore("run_1", "acme", epoch=2, pause=pause(3))
    assert [taken.event(seq).type for seq in range(1, taken.last_seq + 1)] == types


async def test_what_was_appended_just_before_a_resumption_is_written_too(process):
    logs = process()
    log = begun(logs)
    add(log)
    await written(log)
    log.append(pause(2))
    log.reopen(2, 1)
    add(log)
    await written(log)
    die(logs)
    restored = await process().restore("run_1", "acme", epoch=2)
    assert (restored.event(2).type, restored.last_seq) == ("run_paused", 3)


async def test_the_events_of_an_earlier_owner_do_not_stand_for_those_of_the_last(process):
    logs = process()
    log = begun(logs)
    add(log)
    await written(log)
    die(logs)
    assert await process().left("run_1", 0) != b""
    assert await process().left("run_1", 1) == b""


async def test_a_process_that_ends_in_order_leaves_a_file_only_for_runs_that_go_on(process, tmp_path):
    for is_over in (True, False):
        logs = process()
        log = begun(logs)
        add(log)
        if is_over:
            end(log)
        await logs.aclose()
        assert len(files(tmp_path)) == (0 if is_over else 1)
    assert (await process().restore("run_1", "acme", epoch=1)).last_seq == 1
