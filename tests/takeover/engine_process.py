"""An engine in a process that may die at a point: it begins a run, or goes on with that of a dead one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from tests.takeover.acting_flow import CallingModel
from tests.takeover.asgi_client import AsgiClient
from tests.takeover.crash import Crasher, CrashingLoop, CrashPoint, trace_writes
from tests.takeover.flows import FLOWS
from tests.takeover.line_file import LineFile
from tests.takeover.model import MODEL, PRICES, LoggedModel
from tests.takeover.trial_store import ADDRESS_FILE

from ai_engine.app import create_app
from ai_engine.background import takeover
from ai_engine.settings import ServerSettings
from vital_shared.settings import Settings
from vital_shared.store.worker_lease import WorkerLease
from vital_shared.workflows.services import Services

__all__ = ["look_for_orphans", "prepare", "run_engine", "serve_busily"]

LEASE_SECONDS: Final = 5.0
"""The default of `Settings.lease_seconds`."""

LOOK_SECONDS: Final = 0.02

BODY: Final[dict[str, Any]] = {
    "query": "What is it?",
    "mode": "2",
    "tenant_id": "acme",
    "user_id": "ann",
    "model": MODEL,
    "enable_rag": False,
}


def prepare(folder: Path) -> None:
    """Make the database of an empty folder."""
    (folder / "vital.toml").write_text(PRICES, encoding="utf-8")

    async def migrate() -> None:
        services = await Services.open(_settings(folder))
        await services.aclose()

    asyncio.run(migrate())


def run_engine(folder: Path, flow: str, point: CrashPoint | None) -> None:
    """Run an engine until the run of the folder has ended, or to the point."""
    _wait_for_nobody()
    crasher = Crasher(point)
    trace_writes(crasher)
    CrashingLoop.crasher = crasher
    with asyncio.Runner(loop_factory=CrashingLoop) as runner:
        runner.run(_serve(folder, flow, crasher))


def _wait_for_nobody() -> None:
    """Let the times pass that takeover waits for: the trial has ended the lease of the engine that died."""
    WorkerLease.may_take_over = property(lambda lease: lease.is_held)  # type: ignore[assignment, method-assign]
    takeover.LOOK_SECONDS = LOOK_SECONDS  # type: ignore[misc]


async def _serve(folder: Path, flow: str, crasher: Crasher) -> None:
    async with _serving(folder, crasher, lease_seconds=1.0) as app:
        crasher.arm()
        await AsgiClient(app, LineFile(folder / "seen")).finish(flow, BODY)
        LineFile(folder / "points").add(**crasher.counts)


def serve_busily(folder: Path, seconds: float) -> None:
    """Run one run after the other that blocks the event loop, with the lease that users have."""

    async def serve() -> None:
        crasher, until = Crasher(None), time.monotonic() + seconds
        async with _serving(folder, crasher, lease_seconds=LEASE_SECONDS) as app:
            runs = 0
            while time.monotonic() < until:
                runs += 1
                client = AsgiClient(app, LineFile(folder / f"seen-{runs}"), key=f"busy-{runs}")
                await client.finish("busy", BODY)

    asyncio.run(serve())


def look_for_orphans(folder: Path, seconds: float) -> None:
    """Be a worker without work, which would take over what it believes to be left."""

    async def serve() -> None:
        async with _serving(folder, Crasher(None), lease_seconds=LEASE_SECONDS):
            await asyncio.sleep(seconds)

    asyncio.run(serve())


@asynccontextmanager
async def _serving(folder: Path, crasher: Crasher, *, lease_seconds: float) -> AsyncIterator[Starlette]:
    log = LineFile(folder / "calls")
    models = [LoggedModel(log, crasher), CallingModel(log, crasher)]
    services = await Services.open(_settings(folder, lease_seconds), models=models)
    try:
        app = create_app(services, ServerSettings(port=0), classes=FLOWS)
        async with app.router.lifespan_context(app):
            yield app
    finally:
        await services.aclose()


def _settings(folder: Path, lease_seconds: float = 1.0) -> Settings:
    os.environ["VITAL_CACHE_ENTRIES"] = "0"
    address = folder / ADDRESS_FILE
    url = address.read_text(encoding="utf-8") if address.exists() else ""
    return Settings(data_dir=folder, database_url=url, lease_seconds=lease_seconds, store_seconds=10)
