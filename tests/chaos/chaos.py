"""Let one fault after the other happen to a stack under load, and gather the evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from tests.chaos.counters import CounterWatch
from tests.chaos.dashboards import watching_dashboards
from tests.chaos.evidence import Evidence
from tests.chaos.faults import ChaosFault, Happened, let_happen
from tests.chaos.load import Load
from tests.chaos.stack import Stack, running_stack
from tests.chaos.stored import ReservationWatch, Stored, read_stored

__all__ = ["chaos"]

SETTLED_SECONDS: Final = 30.0
"""The longest time that the last ends and charges take to be in the store."""


async def chaos(
    folder: Path,
    faults: Sequence[ChaosFault],
    *,
    at_once: int,
    answer_seconds: float,
    watches_dashboards: bool = False,
) -> Evidence:
    """Ask without a pause while the faults happen.

    :param folder: empty.
    :param at_once: runs at the same time.
    :param answer_seconds: the time that the provider takes for an answer.
    :param watches_dashboards: whether a Prometheus watches, whose panels are read in the end.
    """
    async with AsyncExitStack() as parts:
        stack = await parts.enter_async_context(running_stack(folder, answer_seconds))
        dashboards = None
        if watches_dashboards:
            dashboards = await parts.enter_async_context(watching_dashboards(folder, stack.replicas))
        load = Load([replica.url for replica in stack.replicas], at_once)
        counters, reservations = CounterWatch(stack.replicas), ReservationWatch(stack.postgres)
        await counters.scrape()
        async with _watching(counters, reservations):
            happened = [await _one_fault(fault, stack, load, at_once) for fault in faults]
            stored = await _settled(stack)
        await counters.scrape()
        shown = {} if dashboards is None else await dashboards.shown()
        return Evidence(load.questions, stack.provider, stored, counters, reservations.nanos, happened, shown)


@asynccontextmanager
async def _watching(*watches: CounterWatch | ReservationWatch) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.watch()) for each in watches]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one_fault(fault: ChaosFault, stack: Stack, load: Load, calls: int) -> Happened:
    over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.ask(fault.name, over))
        happened = await let_happen(fault, stack, calls)
        over.set()
    return happened


async def _settled(stack: Stack) -> Stored:
    """Read the store once nothing is open any more, or has not been closed in time."""
    stored = await read_stored(stack.postgres)
    for _ in range(int(SETTLED_SECONDS)):
        if all(run.status != "running" for run in stored.runs.values()) and not stored.reservations:
            break
        await asyncio.sleep(1)
        stored = await read_stored(stack.postgres)
    return stored
