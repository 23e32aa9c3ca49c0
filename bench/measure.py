"""Measure on a noisy machine: floor and ours in turn, in small batches, and the low end of both."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence

from shapes import Execute

BATCH_SECONDS = 0.002
"""Long enough for the clock, and short enough to be left alone often."""


def low(values: Sequence[float]) -> float:
    """The 10th percentile: what it costs when nobody disturbs, without the luck of a minimum."""
    return sorted(values)[len(values) // 10]


def percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) * percent // 100, len(values) - 1)]


async def cpu(executes: Sequence[Execute], rounds: int) -> list[float]:
    """Seconds of this thread's processor that one execution of each takes, measured in turn."""
    sizes = [await _batch_size(execute) for execute in executes]
    taken: list[list[float]] = [[] for _ in executes]
    gc.collect()
    for _ in range(rounds):
        for execute, size, times in zip(executes, sizes, taken, strict=True):
            times.append(await _batch(execute, size, time.thread_time))
    return [low(times) for times in taken]


async def wall(executes: Sequence[Execute], rounds: int) -> list[float]:
    """Seconds that one execution of each takes, measured in turn."""
    taken: list[list[float]] = [[] for _ in executes]
    for _ in range(rounds):
        for execute, times in zip(executes, taken, strict=True):
            gc.collect()
            times.append(await _batch(execute, 1, time.perf_counter))
    return [low(times) for times in taken]


async def least_latencies(executes: Sequence[Execute], at_once: int, rounds: int) -> list[list[float]]:
    """Return the median and the 99th percentile of the seconds of runs at once, each at its least."""
    taken: list[list[list[float]]] = [[] for _ in executes]
    for _ in range(rounds):
        for execute, percentiles in zip(executes, taken, strict=True):
            percentiles.append(await _latencies(execute, at_once))
    return [[min(one) for one in zip(*percentiles, strict=True)] for percentiles in taken]


async def _latencies(execute: Execute, at_once: int) -> list[float]:
    async def one() -> float:
        start = time.perf_counter()
        await execute()
        return time.perf_counter() - start

    gc.collect()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one()) for _ in range(at_once)]
    taken = [task.result() for task in tasks]
    return [percentile(taken, 50), percentile(taken, 99)]


async def _batch_size(execute: Execute) -> int:
    await execute()  # whatever the first run sets up is not measured
    return max(1, round(BATCH_SECONDS / await _batch(execute, 1, time.perf_counter)))


async def _batch(execute: Execute, size: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(size):
        await execute()
    return (clock() - start) / size
