"""A comparison from the command line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp

from vital_cli.settings import load_settings
from vital_cli.terminal import say
from vital_ops.compare.annotations import annotated
from vital_ops.compare.client import LoadFailed
from vital_ops.compare.compare import (
    ALL_OFF,
    ALL_ON,
    CACHED,
    HEDGED,
    LONG_ANSWERS,
    PARALLEL,
    SEQUENTIAL,
    UNCACHED,
    UNHEDGED,
    FailedLoad,
    LoadCase,
    LoadResult,
    measure,
)
from vital_ops.compare.latencies import FIRST_SOURCE, SECOND_SOURCE
from vital_ops.compare.marks import load_marks
from vital_ops.compare.paced import PRICES
from vital_ops.marks import GrafanaSettings, MarkFailed, mark
from vital_ops.stack.errors import ChildFailed
from vital_ops.stack.scratch import Scratch, scratch
from vital_shared.settings import Settings

__all__ = ["mark_or_warn", "run_comparison"]

PLAIN: Final = {"VITAL_CACHE_ENTRIES": "0"}
CACHING: Final = {"VITAL_CACHE_ENTRIES": "5000"}
HEDGING: Final = PLAIN | {"VITAL_HEDGED_SOURCES": f"{FIRST_SOURCE},{SECOND_SOURCE}"}

ENGINE: Final = (sys.executable, "-m", "vital_ops.compare.engine")


def run_comparison(
    count: int, per_second: float, shown_by: str | None = None
) -> list[LoadResult | FailedLoad]:
    """Run all loads, and return what each took, or why it failed.

    :param count: questions of each load.
    :param shown_by: the address of the Prometheus of `vital up`, which shall read all of it too.
    """
    return asyncio.run(_run(count, per_second, shown_by))


async def _run(count: int, per_second: float, shown_by: str | None) -> list[LoadResult | FailedLoad]:
    settings = load_settings(GrafanaSettings)
    stack = None if shown_by is None else load_settings(Settings).data_dir / "stack"
    # Connections are let go before the engine closes them: a question on its way would be lost with one.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=1)
    async with aiohttp.ClientSession(connector=connector) as client:
        found: list[LoadResult | FailedLoad] = []
        for loads, own in (
            ((SEQUENTIAL, PARALLEL, UNCACHED, LONG_ANSWERS, ALL_OFF, UNHEDGED), PLAIN),
            ((CACHED, ALL_ON), CACHING),
            ((HEDGED,), HEDGING),
        ):
            try:
                async with _engine(own) as at:
                    with annotated(at.engine, stack):
                        found += await measure(client, at, loads, count, per_second, say, shown_by)
            except (ChildFailed, LoadFailed) as error:
                known = {each.load.name for each in found}
                found += [FailedLoad(load, str(error)) for load in loads if load.name not in known]
        if shown_by is not None:
            await mark_or_warn(client, settings, _of(found, (SEQUENTIAL, PARALLEL)))
    return found


@asynccontextmanager
async def _engine(own: Mapping[str, str]) -> AsyncIterator[Scratch]:
    with TemporaryDirectory(prefix="vital-compare-") as folder:
        async with scratch(Path(folder), ENGINE, {}, None, say, prices=PRICES, settings=dict(own)) as at:
            yield at


def _of(found: Iterable[LoadResult | FailedLoad], loads: Iterable[LoadCase]) -> list[LoadResult]:
    names = {load.name for load in loads}
    return [each for each in found if isinstance(each, LoadResult) and each.load.name in names]


async def mark_or_warn(
    client: aiohttp.ClientSession, settings: GrafanaSettings, loads: Iterable[LoadResult]
) -> None:
    """Mark loads in Grafana; where it fails, say so: what was measured is worth more than its marks."""
    try:
        marked = await mark(client, settings, load_marks(loads))
    except MarkFailed as error:
        say(str(error), "yellow")
        return
    if marked:
        say(f"{marked} periods are marked on the dashboards.")
