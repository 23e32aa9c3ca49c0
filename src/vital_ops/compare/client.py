"""Ask an engine many things at an even pace, by one's own clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import aiohttp

from vital_shared.errors import VitalError

__all__ = ["LoadFailed", "Took", "ask_all"]

ANSWER_SECONDS: Final = 120.0


class LoadFailed(VitalError):
    """The engine did not answer a question of the load."""


class Took(NamedTuple):
    """How long one answer took."""

    total: float
    first_token: float


async def ask_all(
    client: aiohttp.ClientSession, engine: str, bodies: Sequence[dict[str, Any]], per_second: float
) -> list[Took]:
    """Ask all of it, and wait for all answers.

    :raises LoadFailed: when one has none.
    """
    loop, tasks = asyncio.get_running_loop(), []
    began = loop.time()
    try:
        async with asyncio.TaskGroup() as group:
            for number, body in enumerate(bodies):
                tasks.append(group.create_task(_ask(client, engine, body)))
                await asyncio.sleep(began + (number + 1) / per_second - loop.time())
    except* LoadFailed as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _ask(client: aiohttp.ClientSession, engine: str, body: dict[str, Any]) -> Took:
    """Ask one thing, as a stream of events."""
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
