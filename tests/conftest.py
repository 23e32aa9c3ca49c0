"""Settings of all tests."""

import gc
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from tests.postgres_server import PostgresServer, running_postgres
from tests.shared_statements import shared_statements
from tests.store_database import ON_POSTGRES, PostgresStores, sqlite_copies, stores_on_postgres
from tests.tracing import Metrics, Spans, memory
from tests.variants import mark_further_variants

from vital_shared.monitoring.metrics import BOUNDED, CATALOGUE
from vital_shared.monitoring.tracing import tracer
from vital_shared.store import database, migrations

# A test's time says nothing on a shared machine; a counterexample does.
settings.register_profile("vital", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("vital")

# Most tests ask the same again and want it to run again; those of the cache turn it on.
os.environ["VITAL_CACHE_ENTRIES"] = "0"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the long files, and leave out, on Postgres, the tests of SQLite's own file.

    A long file that comes last runs alone while the other processes have nothing left to do.
    """
    mark_further_variants(items)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if ON_POSTGRES:
        of_sqlite = [item for item in items if item.get_closest_marker("sqlite")]
        config.hook.pytest_deselected(items=of_sqlite)
        items[:] = [item for item in items if item not in of_sqlite]


def pytest_collection_finish() -> None:
    """Leave the thousands of collected tests out of garbage collections, which took a fifth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this process's tests."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres: PostgresServer) -> PostgresStores:
    """Databases for the tests that ask for one; all others keep their store."""
    return PostgresStores(postgres)


@pytest.fixture
def store_address(request: pytest.FixtureRequest) -> str:
    """Address of the store; empty: that of the session. A test that is parametrised with `DIALECTS` has each."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return ""
    databases: PostgresStores = request.getfixturevalue("databases")
    return databases.new()


@pytest.fixture(scope="session", autouse=ON_POSTGRES)
def stores(databases: PostgresStores) -> Iterator[PostgresStores]:
    """The databases of all data directories, on Postgres, from the first request on to the session's end."""
    with stores_on_postgres(databases) as found:
        yield found


@pytest.fixture(autouse=ON_POSTGRES)
def _stores_on_postgres(stores: PostgresStores, tmp_path: Path) -> Iterator[None]:
    """Run on Postgres what would run on a SQLite file, and leave no database behind."""
    yield
    stores.drop(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _sqlite_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with sqlite_copies(tmp_path_factory.mktemp("store")):
        yield


@pytest.fixture(scope="session", autouse=True)
def _shared_statements() -> Iterator[None]:
    with shared_statements():
        yield


@pytest.fixture
def migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrate each SQLite file of a test, instead of copying one."""
    monkeypatch.setattr(database, "upgrade", migrations.upgrade)


@pytest.fixture(scope="module", autouse=True)
def _no_leases_are_left() -> Iterator[None]:
    """See that no worker renews its lease once the tests of a file are over: each takes time from all others."""
    before = _leases()
    yield
    assert _leases() <= before


def _leases() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "vital-lease"}


@pytest.fixture(autouse=True)
def _no_names():
    """Give back the names that metrics have given to values: no test takes them from another."""
    for label in BOUNDED:
        label.forget()
    for metric in CATALOGUE:
        metric.forget()


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Give back the form of the logs and where they go: a served engine changes them for the whole process."""
    root, structured = logging.getLogger(), structlog.get_config()
    before = (root.handlers[:], root.level)
    yield
    root.handlers, root.level = before
    structlog.configure(**structured)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """Trace what the test runs."""
    memory().clear()
    monkeypatch.setenv("VITAL_TRACING", "1")
    tracer.cache_clear()
    yield Spans()
    tracer.cache_clear()


@pytest.fixture
def otel_metrics(spans: Spans) -> Metrics:
    """Read what OpenTelemetry's own histograms record in the test."""
    return Metrics()
