"""A server under measurement: how it is asked, and what an answer of it takes."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from service_client import Answer, Connection, connect, request
from service_servers import Server

CONNECTIONS = 16
TOKENS = {
    "short": 20,
    "burst": 2_000,
    "burst-one": 1,
    "paced": 300,
    "paced-one": 1,
    "first": 50,
    "slow": 20,
}
"""Tokens of each kind of answer."""

_numbers = itertools.count()


@dataclass
class Target:
    """A server, and the way in which it is asked."""

    name: str
    server: Server | None
    ask: Callable[[str, bool, str], bytes]
    """Writes a request: for an answer of a kind, streamed or not, to a question."""
    port: int
    figures: dict[str, list[float]] = field(default_factory=dict)

    def note(self, what: str, value: float) -> None:
        self.figures.setdefault(what, []).append(value)


def chat(model: str, query: str, *, stream: bool) -> bytes:
    return json.dumps(
        {"model": model, "messages": [{"role": "user", "content": query}], "stream": stream}
    ).encode()


def direct(url: str) -> Target:
    """The upstream itself."""
    port = int(url.rpartition(":")[2])

    def ask(kind: str, stream: bool, query: str) -> bytes:
        return request(
            f"/{pace(kind)}/{TOKENS[kind]}/v1/chat/completions", chat("m", query, stream=stream), {}
        )

    return Target("upstream", None, ask, port)


def pace(kind: str) -> str:
    """Name the way in which the upstream sends an answer."""
    if kind == "slow":
        return "slow"
    return "burst" if kind.startswith(("short", "burst")) else "paced"


def new() -> str:
    """Ask what nobody has asked."""
    return f"What is there to say of {next(_numbers)}?"


def check(answer: Answer) -> Answer:
    if answer.status != 200:
        raise RuntimeError(f"status {answer.status}: {bytes(answer.body[:500])!r}")
    return answer


async def latencies(target: Target, kind: str, count: int, query: Callable[[], str]) -> list[float]:
    connection = await connect(target.port)
    taken = [check(await connection.ask(target.ask(kind, False, query()))).last for _ in range(count)]
    connection.close()
    return taken


async def rate(target: Target, kind: str, seconds: float, query: Callable[[], str]) -> float:
    """Requests per second over 16 connections."""
    until = time.perf_counter() + seconds
    done = 0

    async def client(connection: Connection) -> None:
        nonlocal done
        while time.perf_counter() < until:
            check(await connection.ask(target.ask(kind, False, query())))
            done += 1

    began = time.perf_counter()
    await over_connections(target, CONNECTIONS, client)
    return done / (time.perf_counter() - began)


async def answer_cpu(target: Target, seconds: float) -> float:
    """Seconds of the server's processor for an answered request, over 16 connections."""
    assert target.server is not None
    began, started = target.server.cpu(), time.perf_counter()
    answered = await rate(target, "short", seconds, new) * (time.perf_counter() - started)
    return (target.server.cpu() - began) / answered


async def over_connections(
    target: Target, count: int, client: Callable[[Connection], Awaitable[None]]
) -> None:
    connections = [await connect(target.port) for _ in range(count)]
    async with asyncio.TaskGroup() as tasks:
        for connection in connections:
            tasks.create_task(client(connection))
    for connection in connections:
        connection.close()


async def token_cpu(target: Target, kind: str, streams: int, count: int) -> float:
    """Seconds of the server's processor for one streamed token more."""
    many = await stream_cpu(target, kind, streams, count)
    one = await stream_cpu(target, f"{kind}-one", streams, 4 * count)
    return (many - one) / (TOKENS[kind] - 1)


async def stream_cpu(target: Target, kind: str, streams: int, count: int) -> float:
    """Seconds of the server's processor for a whole stream."""
    assert target.server is not None

    async def client(connection: Connection) -> None:
        for _ in range(count):
            check(await connection.ask(target.ask(kind, True, new())))

    began = target.server.cpu()
    await over_connections(target, streams, client)
    return (target.server.cpu() - began) / (streams * count)


def number(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.2f}"
