"""Each shape written by hand, with nothing around it: the floor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shapes import Execute

LIMIT = 256
"""Tokens that may wait in a queue."""

Work = Callable[..., Awaitable[Any]]


async def work(value: object, seconds: float = 0.0) -> object:
    if seconds:
        await asyncio.sleep(seconds)
    return value


def bounded(timeout: float) -> Work:
    """The same with a timeout."""

    async def work_in_time(value: object, seconds: float = 0.0) -> object:
        async with asyncio.timeout(timeout):
            return await work(value, seconds)

    return work_in_time


def diamond(work: Work = work) -> Execute:
    async def execute() -> object:
        a = await work("a")
        async with asyncio.TaskGroup() as group:
            b = group.create_task(work(a))
            c = group.create_task(work(a))
        return await work((b.result(), c.result()))

    return execute


def wide(width: int, work: Work = work) -> Execute:
    async def execute() -> object:
        first = await work("first")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work(first)) for _ in range(width)]
        return await work([task.result() for task in tasks])

    return execute


def chain(length: int) -> Execute:
    async def execute() -> object:
        value: object = 0
        for _ in range(length):
            value = await work(value)
        return value

    return execute


async def answering() -> object:
    async with asyncio.TaskGroup() as group:
        agent = group.create_task(work("agent", 0.020))
        sources = group.create_task(work("sources", 0.150))
        tools = group.create_task(work("tools", 0.080))
    return await work((agent.result(), sources.result(), tools.result()), 0.050)


async def skewed() -> object:
    async def fast_start() -> object:
        return await work(await work("short", 0.010), 0.100)

    async def slow_start() -> object:
        return await work(await work("long", 0.100), 0.010)

    async with asyncio.TaskGroup() as group:
        short = group.create_task(fast_start())
        long = group.create_task(slow_start())
    return await work((short.result(), long.result()))


def stream(count: int) -> Execute:
    """A producer and a consumer over a queue."""

    async def produce(queue: asyncio.Queue[int]) -> None:
        for number in range(count):
            await asyncio.sleep(0)
            await queue.put(number)
        await queue.put(-1)

    async def execute() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue(LIMIT)
        async with asyncio.TaskGroup() as group:
            group.create_task(produce(queue))
            while True:
                if await queue.get() < 0:
                    break
                await asyncio.sleep(0)

    return execute
