"""A comparison from the command line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp

from vital_cli.session import load_settings
from vital_cli.terminal import say
from vital_ops.compare.compare import (
    CACHED,
    LONG_ANSWERS,
    PARALLEL,
    SEQUENTIAL,
    UNCACHED,
    Measured,
    measure,
)
from vital_ops.compare.marks import GrafanaSettings, MarkFailed, mark
from vital_ops.compare.paced import PRICES
from vital_ops.compare.showing import shown
from vital_ops.stack.scratch import scratch
from vital_shared.settings import Settings

__all__ = ["mark_or_tell", "run_comparison"]

ENGINE: Final = (sys.executable, "-m", "vital_cli.compare_engine")


def run_comparison(count: int, per_second: float, shown_by: str | None = None) -> dict[str, Measured]:
    """Run all loads, and return what they took, by their names.

    :param count: questions of each load.
    :param shown_by: the address of the Prometheus of `vital up`, which shall read all of it too.
    """
    return asyncio.run(_run(count, per_second, shown_by))


async def _run(count: int, per_second: float, shown_by: str | None) -> dict[str, Measured]:
    settings = load_settings(GrafanaSettings)
    stack = None if shown_by is None else load_settings(Settings).data_dir / "stack"
    # Connections are let go before the engine closes them: a question on its way would be lost with one.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=1)
    async with aiohttp.ClientSession(connector=connector) as client:
        found: dict[str, Measured] = {}
        for loads, entries in (((SEQUENTIAL, PARALLEL, UNCACHED, LONG_ANSWERS), 0), ((CACHED,), 1_000)):
            with TemporaryDirectory(prefix="vital-compare-") as folder:
                own = {"VITAL_CACHE_ENTRIES": str(entries)}
                starting = scratch(Path(folder), ENGINE, {}, None, say, prices=PRICES, settings=own)
                async with starting as at:
                    with shown(at.engine, stack):
                        measured = await measure(client, at, loads, count, per_second, say, shown_by)
            found.update((each.load.name, each) for each in measured)
        if shown_by is not None:
            await mark_or_tell(client, settings, (found[SEQUENTIAL.name], found[PARALLEL.name]))
    return found


async def mark_or_tell(
    client: aiohttp.ClientSession, settings: GrafanaSettings, loads: Iterable[Measured]
) -> None:
    """Mark loads in Grafana; where it fails, say so: what was measured is worth more than its marks."""
    try:
        marked = await mark(client, settings, loads)
    except MarkFailed as error:
        say(str(error), "yellow")
        return
    if marked:
        say(f"{marked} periods are marked on the dashboards.")
