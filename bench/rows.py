"""The measurements: each function gives the lines of one table, and the targets that they are held to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import floor
import measure
import shapes
import vital
from shapes import Execute, Tree

SECONDS = 5.0
"""A timeout that never comes."""

TOKENS = 1000

NOTHING = "\N{EN DASH}"
"""Stands where there is no figure."""


@dataclass
class Row:
    """A line of the table."""

    name: str
    unit: str
    floor: float
    vital: float
    measure: float
    """The subject of the target: a ratio, or a part of the critical path."""
    shown: str
    """The same, for people."""
    target: float | None = None
    target_shown: str = NOTHING
    peers: dict[str, float] = field(default_factory=dict)

    @property
    def is_missed(self) -> bool:
        return self.target is not None and self.measure > self.target


def ratio(name: str, unit: str, scale: float, of: list[float], target: float | None = None) -> Row:
    """Compare two measurements, of the floor and of ours."""
    times = of[1] / of[0]
    shown = f"≤ {target:g} x" if target else NOTHING
    return Row(name, unit, of[0] * scale, of[1] * scale, times, f"{times:.2f} x", target, shown)


Peers = Callable[[str, Callable[[Execute], Awaitable[Any]], Tree | None], Awaitable[dict[str, Any]]]
"""Measures a tree (or the stream of tokens, for None) with all peers, by name."""


async def cheap(peers: Peers, rounds: int) -> AsyncIterator[Row]:
    """Graphs of nodes that do nothing: what the engine itself costs."""

    async def alone(execute: Execute) -> float:
        return (await measure.cpu([execute], max(5, rounds // 10)))[0] * 1e6

    in_time = floor.bounded(SECONDS)
    graphs = [
        ("diamond", shapes.diamond(), floor.diamond(), floor.diamond(in_time), 1.5),
        ("1→50→1", shapes.wide(50), floor.wide(50), floor.wide(50, in_time), 1.45),
    ]
    for name, tree, by_hand, by_hand_in_time, target in graphs:
        row = ratio(name, "µs", 1e6, await measure.cpu([by_hand, vital.build(tree)], rounds), target)
        row.peers = await peers(name, alone, tree)
        yield row
        both = [by_hand_in_time, vital.build(tree, SECONDS)]
        yield ratio(f"{name}, timeouts", "µs", 1e6, await measure.cpu(both, rounds), target)
    tree = shapes.chain(50)
    both = [floor.chain(50), vital.build(tree)]
    row = ratio("chain of 50", "µs", 1e6, await measure.cpu(both, rounds), 4.0)
    row.peers = await peers("chain", alone, tree)
    yield row
    few, many = await measure.cpu([vital.build(shapes.wide(5)), vital.build(shapes.wide(50))], rounds)
    yield ratio("a node: of 7, of 52", "µs", 1e6, [few / 7, many / 52], 1.2)


async def at_once(peers: Peers, rounds: int) -> AsyncIterator[Row]:
    """The graph of a research run, once and many times at once; its critical path is 200 ms."""
    tree = shapes.answering()
    ours = vital.build(tree)
    for count, target in ((1, None), (50, 0.01), (500, 0.10)):
        by_hand, with_vital = await measure.least_latencies([floor.answering, ours], count, rounds)

        async def alone(execute: Execute, count: int = count) -> list[float]:
            await execute()
            return (await measure.least_latencies([execute], count, 2))[0]

        others = await peers("answering", alone, tree)
        for position, quantile in enumerate(("p50", "p99")):
            name = f"{count} question{'s' * (count > 1)} at once, {quantile}"
            row = later(name, by_hand[position], with_vital[position], target if position == 0 else None)
            row.peers = {peer: taken[position] * 1e3 for peer, taken in others.items()}
            yield row


def later(name: str, by_hand: float, ours: float, target: float | None) -> Row:
    """Return the delay of the answer behind that by hand, as a part of the critical path."""
    more = (ours - by_hand) / 0.200
    shown = f"≤ {target:+.0%}" if target else NOTHING
    return Row(name, "ms", by_hand * 1e3, ours * 1e3, more, f"{more:+.1%}", target, shown)


async def waiting(peers: Peers, rounds: int) -> AsyncIterator[Row]:
    """Graphs whose nodes wait: whether anything waits for what it does not need."""

    async def alone(execute: Execute) -> float:
        await execute()
        return (await measure.wall([execute], 3))[0] * 1e3

    tree = shapes.skewed()
    taken = await measure.wall([floor.skewed, vital.build(tree)], rounds)
    row = ratio("skewed branches", "ms", 1e3, taken, 1.02)
    row.peers = await peers("skewed", alone, tree)
    yield row

    tree = shapes.enrichment()
    one_by_one, parallel = await measure.wall([vital.build(tree, sequential=True), vital.build(tree)], 1)
    saved = 1 - parallel / one_by_one
    yield Row(
        "200, 1500, 800 ms: sequential, parallel",
        "ms",
        one_by_one * 1e3,
        parallel * 1e3,
        -saved,
        f"{saved:.1%} less",
        -0.395,  # 40 % in theory, and nobody's clock is that exact
        "40 % less",
    )


async def tokens(peers: Peers, rounds: int) -> AsyncIterator[Row]:
    """A node that streams, its reader at the other end, and a loop that turns between all tokens."""

    async def alone(execute: Execute) -> float:
        return (await measure.cpu([execute], 5))[0] * 1e6 / TOKENS

    taken = await measure.cpu([floor.stream(TOKENS), vital.stream(TOKENS)], max(5, rounds // 5))
    row = ratio("a streamed token", "µs", 1e6 / TOKENS, taken, 2.0)
    row.peers = await peers("stream", alone, None)
    yield row
