"""Measure the whole service, one worker, beside what must be paid anyway and beside LiteLLM's proxy.

Prints a table, and exits with 1 where a target is missed::

    make bench
    python bench/service.py [--quick] [--json FILE]

The floor is a bare ASGI application on the same server (`bench/service_floor.py`): one that returns the
same bytes, and one that passes requests on to the same upstream with aiohttp. Ours is asked at
``POST /v1/runs`` in mode 2 without sources and tools, with a key, metrics, the ledger and its log on, and
once more with 2 workers, Redis, a budget and tracing on as well. The upstream is a local server that sends
the same answer over and over. All are measured in turn, several times over; times are medians of a round,
and of the rounds the one that was least disturbed counts, but of processor time the median. In parentheses
are the least and the most of the rounds. `bench/gateway.py` adds the lines of the gateway.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

import gateway
import llm_provider
import service_servers
from service_client import Answer, Connection, connect, request
from service_servers import Server
from service_target import (
    CONNECTIONS,
    TOKENS,
    Target,
    answer_cpu,
    chat,
    check,
    direct,
    latencies,
    new,
    number,
    over_connections,
    pace,
    rate,
    token_cpu,
)

LEAST_SECONDS = 0.000_05
MARK = b" some"
"""A part of the first word of an answer."""
STREAM = {"Accept": "text/event-stream"}

VITAL = "vital"
WITH_ALL = "with all"
"""Ours with 2 workers, Redis, keys, a budget and tracing."""

MOST_OF_ALL = 1.5
"""The most that this may cost, in terms of one worker with a key."""

ASKED_BEFORE = 8
"""Times that a question is asked until each worker has it in memory."""

STREAMS = 6_000, 10_000
"""Streams after which memory is measured; by the first, all that is kept of ended runs is there."""
KNOWLEDGE = Path(__file__).parents[1] / "examples" / "knowledge"


def floor(server: Server) -> Target:
    def ask(kind: str, stream: bool, query: str) -> bytes:
        if kind == "hit":
            return request("/same", chat("m", query, stream=stream), {})
        path = f"/through/{pace(kind)}/{TOKENS[kind]}/v1/chat/completions"
        return request(path, chat("m", query, stream=True), {})

    return Target("floor", server, ask, server.port)


def vital(server: Server, name: str = VITAL) -> Target:
    key = {"Authorization": f"Bearer {server.key}"}

    def ask(kind: str, stream: bool, query: str) -> bytes:
        model = f"{'short' if kind == 'hit' else kind}:model"
        asked = {"query": query, "mode": 2, "user_id": "ann", "model": model}
        asked |= {"enable_rag": False, "enable_tools": False}
        return request("/v1/runs", json.dumps(asked).encode(), key | (STREAM if stream else {}))

    return Target(name, server, ask, server.port)


def litellm(server: Server) -> Target:
    key = {"Authorization": f"Bearer {server.key}"}

    def ask(kind: str, stream: bool, query: str) -> bytes:
        name = "short" if kind == "hit" else kind
        return request("/v1/chat/completions", chat(name, query, stream=stream), key)

    return Target("litellm", server, ask, server.port)


async def first_tokens(target: Target, streams: int, count: int) -> float:
    """Return the median seconds to the first token with a number of streams at once."""
    taken: list[float] = []

    async def client(connection: Connection) -> None:
        for _ in range(count):
            answer = check(await connection.ask(target.ask("first", True, new()), MARK))
            taken.append(answer.first)

    await over_connections(target, streams, client)
    return statistics.median(taken)


async def grown(target: Target) -> float:
    """Megabytes by which the server has grown from the 6,000th to the 10,000th stream."""
    assert target.server is not None
    at = []
    for count in (STREAMS[0], STREAMS[1] - STREAMS[0]):
        left = iter(range(count))

        async def client(connection: Connection, left: Iterator[int] = left) -> None:
            for _ in left:
                check(await connection.ask(target.ask("short", True, new())))

        await over_connections(target, CONNECTIONS, client)
        at.append(target.server.memory())
    return at[-1] - at[0]


async def full(target: Target) -> list[float]:
    """Median milliseconds to the first text and to the whole answer, with documents and the small models."""
    questions = [each["question"] for each in json.loads((KNOWLEDGE / "questions.json").read_text())]
    connection, key = await connect(target.port), target.server.key if target.server else ""
    headers = {"Authorization": f"Bearer {key}"} | STREAM
    answers = []
    for question in questions[:2] + questions[:30]:  # two more, for what is loaded late
        body = json.dumps({"query": question, "mode": 2, "user_id": "ann"}).encode()
        answers.append(check(await connection.ask(request("/v1/runs", body, headers), b"event: token")))
    connection.close()
    kept = answers[2:]
    return [1e3 * statistics.median(getattr(each, name) for each in kept) for name in ("first", "last")]


async def measure(targets: list[Target], quick: bool) -> None:
    _, *servers = targets
    rounds, calls, seconds = (2, 50, 0.5) if quick else (5, 200, 1.5)
    for target in servers:
        await latencies(target, "short", 20, new)  # what is loaded late is loaded now
    same = "What is said again and again?"
    for target in servers:
        for _ in range(ASKED_BEFORE):
            kept = check(await ask_once(target, "hit", same))
        if target.name in (VITAL, WITH_ALL):
            if b'"cache_status":"hit"' not in kept.body:
                raise RuntimeError(f"it is not cached: {bytes(kept.body[:300])!r}")
            keep = await connect(servers[0].port)
            await keep.ask(request("/keep", bytes(kept.body), {}))
            keep.close()
    for _ in range(rounds):
        for target in servers:
            target.note("hit p50", statistics.median(await latencies(target, "hit", calls, lambda: same)))
            target.note("hit rate", await rate(target, "hit", seconds, lambda: same))
        for target in targets:
            target.note("answer p50", statistics.median(await latencies(target, "short", calls, new)))
            target.note("first token", await first_tokens(target, 1, calls // 10))
            target.note("first token of 16", await first_tokens(target, CONNECTIONS, 3))
        for target in servers:
            target.note("answer rate", await rate(target, "short", seconds, new))
            target.note("answer CPU", await answer_cpu(target, seconds))
            slow = target.name == "litellm"
            target.note("token, burst", await token_cpu(target, "burst", 1, 1 if slow else 10))
            target.note("token, paced", await token_cpu(target, "paced", 4, 1 if slow else 3))


async def ask_once(target: Target, kind: str, query: str) -> Answer:
    connection = await connect(target.port)
    answer = await connection.ask(target.ask(kind, False, query))
    connection.close()
    return answer


@dataclass(frozen=True)
class Line:
    """A line of the table."""

    name: str
    figure: str
    unit: str
    scale: float
    target: float
    """A ratio to the floor: at most, or at least."""
    at_least: bool = False
    is_difference: bool = False
    added: bool = False
    """Over what the upstream takes when it is asked directly."""
    is_absolute: bool = False
    """The target is in the line's unit, and no ratio."""


LINES = (
    Line("memory hit, requests per second, 16 connections", "hit rate", "/s", 1, 0.25, at_least=True),
    Line("memory hit, p50 at 1", "hit p50", "ms", 1e3, 2.5),
    Line("answered by the upstream, added p50", "answer p50", "ms", 1e3, 3, added=True),
    Line("answered by the upstream, requests per second", "answer rate", "/s", 1, 0.25, at_least=True),
    Line(
        "answered by the upstream, CPU of the server",
        "answer CPU",
        "µs",
        1e6,
        800,
        is_difference=True,
        is_absolute=True,
    ),
    Line("first token, added, alone", "first token", "ms", 1e3, 2.5, added=True),
    Line(
        "first token, added, at 16 streams", "first token of 16", "ms", 1e3, 6, added=True, is_absolute=True
    ),
    Line("CPU for a streamed token, in bursts", "token, burst", "µs", 1e6, 1.5, is_difference=True),
    Line("CPU for a streamed token, paced", "token, paced", "µs", 1e6, 1.3, is_difference=True),
)


def value(line: Line, target: Target, upstream: Target) -> float:
    figures = target.figures[line.figure]
    if line.is_difference:  # whose least is chance
        return statistics.median(figures) * line.scale
    best = max(figures) if line.at_least else min(figures)
    if line.added:  # what is less than can be measured here counts as that
        best = max(best - min(upstream.figures[line.figure]), LEAST_SECONDS)
    return best * line.scale


def spread(line: Line, target: Target) -> str:
    """Write the least and the most of the rounds; what is added is so small that its rounds are noise."""
    if line.added:
        return ""
    figures = [figure * line.scale for figure in target.figures[line.figure]]
    return f"({number(min(figures))} to {number(max(figures))})"


def show(console: Console, targets: list[Target]) -> bool:
    upstream, *servers = targets
    table = Table(
        "", "unit", *(target.name for target in servers), "to the floor", "target", "with all, to vital"
    )
    passed = True
    for line in LINES:
        values = {target.name: value(line, target, upstream) for target in servers}
        times = values[VITAL] / values["floor"]
        dearer = values[WITH_ALL] / values[VITAL]
        dearer = 1 / dearer if line.at_least else dearer
        reached = values[VITAL] if line.is_absolute else times
        good = reached >= line.target if line.at_least else reached <= line.target
        passed = passed and good and dearer <= MOST_OF_ALL
        shown = f"{times:.2f}" + " MISSED" * (not good)
        wanted = f"{'≥' if line.at_least else '≤'} {line.target:g}" + f" {line.unit}" * line.is_absolute
        beside = f"{dearer:.2f}" + " MISSED" * (dearer > MOST_OF_ALL)
        cells = (f"{number(values[each.name])} {spread(line, each)}" for each in servers)
        table.add_row(line.name, line.unit, *cells, shown, wanted, beside)
    for name, unit, most, of in (
        ("start to ready", "s", 1.0, lambda server: server.started),
        ("resident memory, ready", "MB", 100.0, lambda server: server.at_rest),
        ("resident memory, after all this", "MB", None, Server.memory),
    ):
        values = {target.name: of(target.server) for target in servers if target.server is not None}
        good = most is None or values[VITAL] <= most
        passed = passed and good
        wanted = "" if most is None else f"≤ {most:g}"
        shown = "" if good else "MISSED"
        table.add_row(name, unit, *(number(each) for each in values.values()), shown, wanted)
    console.print(table)
    console.print(f"Targets: {'met' if passed else 'missed'}.")
    return passed


def servers(stack: ExitStack, url: str, folder: Path, notes: list[str]) -> Iterator[Target]:
    upstream = {kind: f"{url}/{pace(kind)}/{count}" for kind, count in TOKENS.items()}
    yield floor(stack.enter_context(service_servers.floor(url)))
    yield vital(stack.enter_context(service_servers.vital(upstream, folder / "vital")))
    yield vital(stack.enter_context(service_servers.vital_with_all(upstream, folder / "all")), WITH_ALL)
    if service_servers.LITELLM.exists():
        yield litellm(stack.enter_context(service_servers.litellm(upstream, folder)))
    else:
        notes.append("LiteLLM's proxy is not installed: make bench does it.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--logs", type=Path, help="keep raw figures and logs of the gateways in this folder")
    arguments = parser.parse_args()
    console, notes = Console(width=None if sys.stdout.isatty() else 160), []
    with ExitStack() as stack:
        url = stack.enter_context(llm_provider.running())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        targets = [direct(url), *servers(stack, url, folder, notes)]
        uvloop.run(measure(targets, arguments.quick))
        if not arguments.quick:
            more = uvloop.run(grown(targets[2]))
            notes.append(f"Resident memory, from the 6,000th to the 10,000th stream: {more:+.1f} MB.")
        passed = show(console, targets)
        if not arguments.quick and find_spec("onnxruntime"):
            embedded = stack.enter_context(service_servers.vital({}, folder / "embedded", KNOWLEDGE))
            first, last = uvloop.run(full(vital(embedded)))
            notes.append(
                "A full run of mode 2 over the embedded parts and the sample documents, median of 30: "
                f"first text after {first:.0f} ms, whole answer after {last:.0f} ms."
            )
        logs = arguments.logs or Path(tempfile.mkdtemp(prefix="gateway-logs-"))
        passed = gateway.run(console, url, folder, logs, gateway.effort(arguments.quick)) and passed
        notes.append(f"Raw figures and logs of the gateways are in {logs}.")
        for note in notes:
            console.print(note, markup=False)
        if arguments.json:
            figures = {target.name: target.figures for target in targets}
            arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
