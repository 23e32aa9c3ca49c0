"""Ask the replicas of a stack in turn, a number of requests at once, and time each."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Sequence

from tests.chaos.provider import MODEL
from tests.chaos.stack import TENANTS, Stack

from service_client import Connection, connect, request

__all__ = ["ask_all", "median"]

_numbers = itertools.count(1)


async def ask_all(stack: Stack, requests: int, at_once: int, *, path: str = "/v1/runs") -> list[float]:
    """Ask in mode 2, half of them as a stream, and return the seconds that each took, sorted.

    :param path: of the workflow.
    """
    replicas = itertools.cycle(stack.replicas)
    connections = [await connect(next(replicas).port) for _ in range(at_once)]
    left = iter(range(requests))
    seconds: list[float] = []

    async def client(connection: Connection) -> None:
        for number in left:
            began = time.perf_counter()
            answer = await connection.ask(_request(path, is_streamed=number % 2 == 0))
            if answer.status != 200:
                raise RuntimeError(f"status {answer.status}: {bytes(answer.body[:500])!r}")
            seconds.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as tasks:
        for connection in connections:
            tasks.create_task(client(connection))
    for connection in connections:
        connection.close()
    return sorted(seconds)


def _request(path: str, *, is_streamed: bool) -> bytes:
    number = next(_numbers)
    asked = {
        "query": f"What is the answer to chaos-{number}?",
        "mode": "2",
        "tenant_id": TENANTS[number % len(TENANTS)],
        "user_id": "ann",
        "model": MODEL,
        "enable_rag": False,
    }
    headers = {"Accept": "text/event-stream"} if is_streamed else {}
    return request(path, json.dumps(asked).encode(), headers)


def median(seconds: Sequence[float]) -> float:
    """Return the median of sorted seconds."""
    return seconds[len(seconds) // 2]
