"""Removes a Postgres server and its files when the process that started it is gone, however that ended.

``python tests/postgres_guard.py FOLDER`` waits for the end of its standard input, which the other process holds open.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final

import psutil

PROGRAMS: Final = frozenset({"initdb", "pg_ctl", "postgres", "sh"})
"""The programs of a server; ``pg_ctl`` starts it by way of a shell."""

IMMEDIATE_SHUTDOWN_SECONDS: Final = 15
"""Time for the server to stop by itself; it gives its processes 5 s."""

POLL_SECONDS: Final = 0.1


def stop_programs(folder: Path) -> None:
    """Stop what runs on a folder below this one, even while it starts or stands still."""
    killed_at = time.monotonic() + IMMEDIATE_SHUTDOWN_SECONDS
    while found := _programs(folder):
        order = signal.SIGQUIT if time.monotonic() < killed_at else signal.SIGKILL
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(order)
                process.send_signal(signal.SIGCONT)
        time.sleep(POLL_SECONDS)


def _programs(folder: Path) -> list[psutil.Process]:
    data = str(folder / "data")
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] in PROGRAMS and any(data in word for word in process.info["cmdline"] or ())
    ]


if __name__ == "__main__":
    sys.stdin.buffer.read()
    stop_programs(Path(sys.argv[1]))
    shutil.rmtree(sys.argv[1])
