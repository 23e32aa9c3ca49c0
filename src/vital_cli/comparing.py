"""A comparison from the command line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
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
    Load,
    Measured,
    measure,
)
from vital_ops.compare.marks import GrafanaSettings, mark
from vital_ops.compare.paced import PRICES
from vital_ops.destinations import Destinations
from vital_ops.routing import routing
from vital_ops.stack.scratch import scratch

__all__ = ["run_comparison"]

ENGINE: Final = (sys.executable, "-m", "vital_cli.compare_engine")


def run_comparison(count: int, per_second: float) -> dict[str, Measured]:
    """Run all loads, and return what they took, by their names.

    :param count: questions of each load.
    """
    return asyncio.run(_run(count, per_second))


async def _run(count: int, per_second: float) -> dict[str, Measured]:
    settings = load_settings(GrafanaSettings)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        parts = [
            await _measured(client, loads, count, per_second, entries)
            for loads, entries in (((SEQUENTIAL, PARALLEL, UNCACHED, LONG_ANSWERS), 0), ((CACHED,), 1_000))
        ]
        found = {each.load.name: each for part in parts for each in part}
        if marked := await mark(client, settings, found.values()):
            say(f"{marked} periods are marked on the dashboards.")
    return found


async def _measured(
    client: aiohttp.ClientSession, loads: Sequence[Load], count: int, per_second: float, entries: int
) -> list[Measured]:
    """Run loads on an engine of their own, with or without a cache."""

    def quiet(engine_url: str, key_file: Path) -> str:
        return routing(Destinations(engine_url=engine_url, engine_key_file=key_file))

    settings = {"VITAL_CACHE_ENTRIES": str(entries)}
    with TemporaryDirectory(prefix="vital-compare-") as folder:
        async with scratch(Path(folder), ENGINE, {}, quiet, say, prices=PRICES, settings=settings) as at:
            return await measure(client, at, loads, count, per_second, say)
