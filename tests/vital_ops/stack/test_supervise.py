"""Programs are kept running, and what goes wrong with them is reported in a sentence."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vital_ops.stack import program, supervise
from vital_ops.stack.errors import ChildFailed
from vital_ops.stack.ports import free_port
from vital_ops.stack.program import Program
from vital_ops.stack.supervise import supervise_all

SERVES = """
import http.server, os, sys
print(os.getpid(), flush=True)
print('level=error err="the disk is \\\\"full\\\\""', flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): ...
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(supervise, "FIRST_DELAY_SECONDS", 0.01)


def serving(folder: Path, code: str = SERVES, name: str = "Watcher") -> Program:
    port = free_port("127.0.0.1")
    return Program(
        name=name,
        command=(sys.executable, "-c", code, str(port)),
        ready_url=f"http://127.0.0.1:{port}/",
        log=folder / f"{name}.log",
    )


def pids(each: Program) -> list[int]:
    return [int(line) for line in each.log.read_text().splitlines() if line.isdecimal()]


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.01)


class Running:
    """Programs at work, with what was said about them."""

    def __init__(self, *programs: Program) -> None:
        self.ready = asyncio.Event()
        self.said: asyncio.Queue[str] = asyncio.Queue()
        self.task = asyncio.create_task(supervise_all(programs, self.ready.set, self.said.put_nowait))

    async def stop(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


async def test_all_serve_and_stop_together(tmp_path):
    programs = [serving(tmp_path, name=name) for name in ("one", "two")]
    running = Running(*programs)
    await running.ready.wait()
    all_pids = [pid for each in programs for pid in pids(each)]
    assert len(all_pids) == 2
    assert all(map(lives, all_pids))
    await running.stop()
    assert not any(map(lives, all_pids))


async def test_a_program_that_ends_is_started_again_and_that_is_reported(tmp_path):
    one = serving(tmp_path)
    running = Running(one)
    await running.ready.wait()
    os.kill(pids(one)[0], signal.SIGKILL)
    said = await running.said.get()
    assert said.startswith('Watcher has ended and is started again: exit code -9, the disk is "full" (')
    await until(lambda: len(pids(one)) == 2)
    await running.stop()


async def test_a_program_that_does_not_start_stops_the_others_and_says_why(tmp_path):
    good = serving(tmp_path, name="good")
    bad = serving(tmp_path, code="import sys; sys.exit('no such rule')", name="bad")
    running = Running(good, bad)
    with pytest.raises(
        ChildFailed, match=r"^bad does not start: exit code 1, no such rule \(.*bad\.log\)\.$"
    ):
        await running.task
    assert not any(map(lives, pids(good)))


async def test_a_program_that_ends_again_and_again_is_given_up(tmp_path):
    once = SERVES.replace("self.end_headers()", "self.end_headers(); self.wfile.flush(); os._exit(3)")
    running = Running(serving(tmp_path, code=once))
    with pytest.raises(ChildFailed, match=r"^Watcher ends again and again: exit code 3"):
        await running.task
    assert running.said.qsize() == supervise.MAX_EARLY_ENDS - 1


async def test_a_program_that_never_serves_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "READY_SECONDS", 0.2)
    with pytest.raises(ChildFailed, match=r"^Watcher does not start: after 0 seconds http.* does not answer"):
        await Running(serving(tmp_path, code="import time; time.sleep(60)")).task


async def test_a_program_that_does_not_stop_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "STOP_SECONDS", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVES
    one = serving(tmp_path, code=deaf)
    running = Running(one)
    await running.ready.wait()
    await running.stop()
    assert not any(map(lives, pids(one)))


async def test_programs_end_with_who_started_them_however_that_ends(tmp_path):
    one = serving(tmp_path)
    parent = f"""
import asyncio, os, signal
from pathlib import Path
from vital_ops.stack.supervise import supervise_all
from vital_ops.stack.program import Program
one = Program(name="w", command={[str(part) for part in one.command]!r}, ready_url={one.ready_url!r}, log=Path({str(one.log)!r}))
asyncio.run(supervise_all([one], lambda: os.kill(os.getpid(), signal.SIGKILL), print))
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent)
    assert await process.wait() == -signal.SIGKILL
    (pid,) = pids(one)
    await until(lambda: not lives(pid))
