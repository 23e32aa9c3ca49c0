"""The supervisor: what it does about workers that do not start."""

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.ai_engine.supervisor.engine import is_there

from ai_engine.settings import ServerSettings
from ai_engine.supervisor import process, supervisor
from ai_engine.supervisor.process import WorkerProcess
from ai_engine.supervisor.supervise import _environment
from ai_engine.supervisor.supervisor import Supervisor
from vital_shared.errors import ConfigurationError
from vital_shared.settings import Settings

DIES = "json.tool"
"""A program that wants other arguments: it ends with exit code 2."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_DELAY_SECONDS", 0.01)


async def worker(
    number: int, listener: socket.socket, folder: Path, program: str = process.PROGRAM
) -> WorkerProcess:
    return await WorkerProcess.start(
        number, listener, {"VITAL_DATA_DIR": str(folder)}, hang_seconds=60, program=program
    )


async def served(start: Callable[[int], Awaitable[WorkerProcess]]) -> None:
    """Run one worker until it serves, and stop it."""
    ready = asyncio.Event()
    one = Supervisor(1, start, grace_seconds=0)
    running = asyncio.create_task(one.run(ready.set))
    await asyncio.wait_for(ready.wait(), 60)
    one.stop()
    await running


async def test_workers_that_die_as_they_start_are_given_up():
    numbers = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def start(number: int) -> WorkerProcess:
            numbers.append(number)
            return await WorkerProcess.start(number, listener, {}, hang_seconds=60, program=DIES)

        with pytest.raises(ConfigurationError, match="cannot start: they end with exit code 2"):
            await Supervisor(2, start, grace_seconds=0).run(lambda: pytest.fail("nothing is ready"))
    assert supervisor.MAX_WORKER_FAILURES in (numbers.count(1), numbers.count(2))
    assert max(numbers.count(1), numbers.count(2)) == supervisor.MAX_WORKER_FAILURES


async def test_a_worker_that_did_not_start_is_started_again(tmp_path):
    programs = [DIES, process.PROGRAM]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def start(number: int) -> WorkerProcess:
            return await worker(number, listener, tmp_path, programs.pop(0))

        await served(start)
    assert programs == []


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


FULL = OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


async def test_a_worker_for_which_there_was_no_memory_is_started_again(tmp_path):
    failures = [FULL] * (supervisor.MAX_WORKER_FAILURES - 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def start(number: int) -> WorkerProcess:
            if failures:
                raise failures.pop()
            return await worker(number, listener, tmp_path)

        await served(start)
    assert failures == []


async def test_workers_for_which_there_is_no_memory_at_all_are_given_up():
    async def start(_: int) -> WorkerProcess:
        raise FULL

    with pytest.raises(ConfigurationError, match=r"gives no process \(Cannot allocate memory\)"):
        await Supervisor(2, start, grace_seconds=0).run(lambda: pytest.fail("nothing is ready"))


async def test_a_process_that_does_not_start_keeps_no_file_open(monkeypatch):
    async def fail(*_: object, **__: object) -> None:
        raise FULL

    monkeypatch.setattr(asyncio, "create_subprocess_exec", fail)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        before = open_files()
        with pytest.raises(OSError, match="Cannot allocate memory"):
            await WorkerProcess.start(1, listener, {}, hang_seconds=60)
        assert open_files() == before


async def test_samples_that_cannot_be_taken_end_no_worker(monkeypatch, tmp_path):
    sampled, ready = asyncio.Event(), asyncio.Event()

    async def fail(_: object) -> None:
        sampled.set()
        raise ValueError("odd")

    monkeypatch.setattr(supervisor.OwnSamples, "sample", fail)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def start(number: int) -> WorkerProcess:
            return await worker(number, listener, tmp_path)

        one = Supervisor(1, start, grace_seconds=0, keeps_samples=True)
        running = asyncio.create_task(one.run(ready.set))
        async with asyncio.timeout(60):
            await sampled.wait()
            await ready.wait()
        assert not running.done()
        one.stop()
        await running


async def test_it_stops_while_workers_start():
    started, pids = asyncio.Event(), []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def start(number: int) -> WorkerProcess:
            worker = await WorkerProcess.start(number, listener, {}, hang_seconds=60)
            pids.append(worker.pid)
            started.set()
            return worker

        one = Supervisor(2, start, grace_seconds=0)
        running = asyncio.create_task(one.run(lambda: None))
        await started.wait()
        one.stop()
        await asyncio.wait_for(running, 60)
    assert one._workers == {}
    assert not any(is_there(pid) for pid in pids)


async def test_a_worker_that_never_gets_ready_is_killed(monkeypatch):
    monkeypatch.setattr(process, "START_SECONDS", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def start(number: int) -> WorkerProcess:
            return await WorkerProcess.start(number, listener, {}, hang_seconds=60)

        with pytest.raises(ConfigurationError, match="exit code -9"):
            await Supervisor(1, start, grace_seconds=0).run(lambda: None)


def test_workers_read_the_settings_that_the_supervisor_has(monkeypatch, tmp_path):
    settings = ServerSettings(
        port=0,
        workers=3,
        metrics_enabled=False,
        grace_seconds=0.5,
        trusted_proxies="10.0.0.0/8,fd00::/8",
        workflow="a:A,b=c:B",
    )
    library = Settings(
        data_dir=tmp_path, config=None, passages=7, redis_url="redis://:a-secret@127.0.0.1:1/0"
    )
    for name, value in {**_environment(settings), **_environment(library)}.items():
        monkeypatch.setenv(name, value)
    assert ServerSettings() == settings
    assert Settings() == library
