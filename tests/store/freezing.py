"""A database that stands still, and goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def frozen_postgres(data: Path) -> Iterator[None]:
    """Stop a server and all of its processes, the one that accepts connections first."""
    postmaster = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    os.kill(postmaster.pid, signal.SIGSTOP)
    backends = [child.pid for child in postmaster.children(recursive=True)]
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (*backends, postmaster.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def frozen_sqlite(path: Path) -> Iterator[None]:
    """Lock a file against writers; with a write-ahead log readers go on, while others have it open."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.close()
