"""Ask an engine many things at an even pace, by one's own clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import aiohttp

from vital_shared.errors import VitalError

__all__ = ["LoadFailed", "Took", "ask_all", "ask_one"]

ANSWER_SECONDS: Final = 120.0


class LoadFailed(VitalError):
    """The engine did not answer a question of the load."""


class Took(NamedTuple):
    """The duration of one answer."""

    total: float
    first_token: float


async def ask_all(
    client: aiohttp.ClientSession, engine: str, bodies: Sequence[dict[str, Any]], per_second: float
) -> list[Took | LoadFailed]:
    """Ask all of it, and return the answers' times; where there is no answer, the reason."""
    loop, tasks = asyncio.get_running_loop(), []
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        for number, body in enumerate(bodies):
            tasks.append(group.create_task(_try(client, engine, body)))
            await asyncio.sleep(began + (number + 1) / per_second - loop.time())
    return [task.result() for task in tasks]


async def _try(client: aiohttp.ClientSession, engine: str, body: dict[str, Any]) -> Took | LoadFailed:
    try:
        return await ask_one(client, engine, body)
    except LoadFailed as failure:
        return failure


async def ask_one(client: aiohttp.ClientSession, engine: str, body: dict[str, Any]) -> Took:
    """Ask one thing, as a stream of events.

    :raises LoadFailed: when there is no answer.
    """
    began, first, last = time.perf_counter(), 0.0, b""
    headers = {"Accept": "text/event-stream"}
    timeout = aiohttp.ClientTimeout(ANSWER_SECONDS)
    try:
        async with client.post(f"{engine}/v1/runs", json=body, headers=headers, timeout=timeout) as response:
            async for line in response.content:
                if line.startswith(b"event:"):
                    last = line[6:].strip()
                    if last == b"token" and not first:
                        first = time.perf_counter() - began
    except (aiohttp.ClientError, TimeoutError) as error:
        raise LoadFailed(f"The engine did not answer: {type(error).__name__}.") from error
    if last != b"run_finished":
        raise LoadFailed(
            f"The engine did not answer: status {response.status}, {last.decode() or 'no events'}."
        )
    return Took(time.perf_counter() - began, first)
