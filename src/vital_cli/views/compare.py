"""A comparison as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vital_cli.terminal import say, show_table
from vital_ops.compare.compare import CACHED, LONG_ANSWERS, PARALLEL, SEQUENTIAL, UNCACHED, Measured
from vital_ops.compare.verdict import OF_CACHE, OF_PARALLEL, Line, compared, perceived

__all__ = ["Comparison", "comparison", "show_comparison"]


SOURCES: Final = (
    "Retrieval's 1.5 s are two sources of 0.9 and 0.6 s, which run at once too. "
    "With one source of 1.5 s about 30, 24 and 19 % are saved."
)
ANSWER: Final = (
    "The model begins after 0.3 s and ends after 3.0: it would be 10 times without an engine, "
    "so what is below is the engine's."
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was compared."""

    parallel: tuple[Line, ...]
    """Nodes one after another, and in parallel."""
    cache: tuple[Line, ...]
    """Without a cache, and with one."""
    streaming: Line
    loads: tuple[Measured, ...]


def comparison(found: Mapping[str, Measured]) -> Comparison:
    """Compare what was measured, by the loads' names."""
    return Comparison(
        parallel=tuple(compared(found[SEQUENTIAL.name], found[PARALLEL.name], OF_PARALLEL)),
        cache=tuple(compared(found[UNCACHED.name], found[CACHED.name], OF_CACHE)),
        streaming=perceived(found[LONG_ANSWERS.name]),
        loads=tuple(found.values()),
    )


def show_comparison(found: Comparison) -> None:
    """Print three tables, and say how each load is made: the figures depend on it."""
    for title, made, lines in (
        ("Nodes one after another, and in parallel", SOURCES, found.parallel),
        ("Ten questions again and again, without the cache and with it", "", found.cache),
    ):
        say(title)
        show_table([_row(line, f"{-line.change:+.0%}") for line in lines])
        if made:
            say(made)
    say("A long answer, whole and streamed")
    show_table([_row(found.streaming, f"{found.streaming.change:.1f} times as soon")])
    say(ANSWER)


def _row(line: Line, change: str) -> dict[str, object]:
    return {
        "": line.what,
        "before": f"{line.before:.2f} s",
        "after": f"{line.after:.2f} s",
        "change": change,
        "verdict": line.verdict,
    }
