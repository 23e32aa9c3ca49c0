"""Engines that may die, and their stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.store_database import PostgresStores
from tests.takeover.fork_server import ForkServer, fork_server
from tests.takeover.trial_store import PostgresTrials, SqliteTrials, TrialStores


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ForkServer, TrialStores]]:
    """A server of processes, and stores in files."""
    template = tmp_path_factory.mktemp("template")
    with fork_server() as server:
        server.prepare(template)
        yield server, SqliteTrials(template)


@pytest.fixture
def on_postgres(
    engines: tuple[ForkServer, TrialStores], databases: PostgresStores
) -> tuple[ForkServer, TrialStores]:
    """The server of processes, and databases of a Postgres server."""
    return engines[0], PostgresTrials(databases)
