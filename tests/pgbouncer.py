"""A real PgBouncer in transaction mode, before a real Postgres."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from vital_ops.stack.ports import free_port
from vital_ops.stack.programs import PGBOUNCER, find_program

__all__ = ["running_pgbouncer"]

SETTINGS = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
unix_socket_dir =
"""


@contextmanager
def running_pgbouncer(server: URL, folder: Path, *, sessions: int) -> Iterator[URL]:
    """Start one, and give its address; many clients share a few sessions of the server.

    :param server: an address by socket.
    :param folder: which the user may read that owns the server's socket.
    """
    host = str(server.query["host"])
    listen = free_port("127.0.0.1")
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        SETTINGS.format(host=host, port=5432, user=server.username, listen=listen, sessions=sessions)
    )
    owner = pwd.getpwuid(Path(host).stat().st_uid).pw_name
    as_user = ("-u", owner) if os.geteuid() == 0 else ()
    process = subprocess.Popen(
        [find_program(PGBOUNCER), "-q", *as_user, settings],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(listen)
        yield server.set(host="127.0.0.1", port=listen, query={})
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, seconds: float = 20) -> None:
    give_up_at = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
        else:
            return
