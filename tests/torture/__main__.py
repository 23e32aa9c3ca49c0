"""Torture an engine on both databases, and print what was promised and kept: `make torture`."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from sqlalchemy import make_url
from tests.postgres_server import embedded_postgres, server_folder
from tests.redis import running_redis
from tests.torture.faults import DiskFull, NoFault, PostgresStopped, SqliteLocked, WorkerFrozen, WorkerKilled
from tests.torture.provider import running_provider
from tests.torture.torture import Load, Report, torture

ANSWER_SECONDS: Final = 3.0
DISK_BYTES: Final = 128_000_000

WITHIN: Final = "--within-own-mounts"
"""Set for the process that may mount what nobody else sees."""


def main() -> int:
    """Run it; the exit code is the number of promises that were not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--at-once", type=int, default=200, help="requests at the same time")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the database is away")
    parser.add_argument(WITHIN, action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if not chosen.within_own_mounts:
        return _within_own_mounts()
    load = Load(neighbours=chosen.at_once - chosen.at_once // 5, odd=chosen.at_once // 5)
    broken = 0
    with _small_disk() as folder:
        broken += _print("SQLite", asyncio.run(_on_sqlite(folder, load, chosen.seconds)))
    with _small_disk() as folder:
        broken += _print("Postgres and Redis", asyncio.run(_on_postgres(folder, load, chosen.seconds)))
    return broken


def _within_own_mounts() -> int:
    """Begin again in a mount namespace, so that a small file system can be filled."""
    command = ["unshare", "--mount", sys.executable, "-m", "tests.torture", *sys.argv[1:], WITHIN]
    return subprocess.run(command, check=False, env=os.environ).returncode


@contextmanager
def _small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="vital-torture-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


async def _on_sqlite(folder: Path, load: Load, seconds: float) -> Report:
    faults = [
        NoFault(),
        WorkerKilled,
        WorkerFrozen,
        SqliteLocked(folder / "vital.db", seconds),
        DiskFull(folder, seconds),
    ]
    async with running_provider(ANSWER_SECONDS) as provider:
        return await torture(folder, provider, faults, load)


async def _on_postgres(folder: Path, load: Load, seconds: float) -> Report:
    with server_folder() as data, embedded_postgres.get_server(data / "data") as server:
        url = make_url(server.get_uri()).set(drivername="postgresql+asyncpg").render_as_string(False)
        faults = [
            NoFault(),
            WorkerKilled,
            WorkerFrozen,
            PostgresStopped(server, seconds),
            DiskFull(folder, seconds),
        ]
        async with running_provider(ANSWER_SECONDS) as provider, running_redis(folder) as redis:
            return await torture(folder, provider, faults, load, url=url, VITAL_REDIS_URL=redis.url)


def _print(database: str, report: Report) -> int:
    """Print both tables, and return the number of promises that were not kept."""
    promises = Table("promised", "kept", "figure", title=f"{database}: promises")
    for each in report.promises():
        promises.add_row(each.promise, "yes" if each.holds else "NO", each.figure)
    waits = Table("fault", "questions", "median s", "longest s", title=f"{database}: waits")
    for fault, (questions, median, longest) in report.waits().items():
        waits.add_row(fault, str(questions), f"{median:.1f}", f"{longest:.1f}")
    console = Console(width=160)
    console.print(promises, waits)
    return sum(not each.holds for each in report.promises())


if __name__ == "__main__":
    sys.exit(main())
