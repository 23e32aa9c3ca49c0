"""A comparison as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from vital_cli.terminal import say, show_table
from vital_ops.compare.compare import (
    ALL_OFF,
    ALL_ON,
    CACHED,
    EXPECTED_HITS,
    HEDGED,
    LONG_ANSWERS,
    PARALLEL,
    SEQUENTIAL,
    UNCACHED,
    UNHEDGED,
    FailedLoad,
    LoadCase,
    LoadResult,
)
from vital_ops.compare.verdict import (
    OF_ALL,
    OF_CACHE,
    OF_HEDGING,
    OF_PARALLEL,
    VerdictLine,
    compared,
    cumulated,
    perceived,
)

__all__ = ["Comparison", "comparison", "show_comparison"]


SOURCES: Final = (
    "Retrieval's 1.5 s are two sources of 0.9 and 0.6 s, which run at once too. "
    "With one source of 1.5 s about 30, 24 and 19 % are saved."
)
ANSWER: Final = (
    "The model begins after 0.3 s and ends after 3.0: it would be 10 times without an engine, "
    "so what is below is the engine's."
)


HEDGES: Final = (
    "3 % of the searches of either source take 10 times as long. {share:.1%} of all were made a second time, "
    "and are charged."
)

EVERYTHING: Final = (
    f"{EXPECTED_HITS:.0%} of the questions were asked before. "
    f"Expected are {OF_ALL[0]:.0%} to {OF_ALL[1]:.0%} less in all."
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was compared."""

    parallel: tuple[VerdictLine, ...]
    """Nodes one after another, and in parallel."""
    cache: tuple[VerdictLine, ...]
    """Without a cache, and with one."""
    hedging: tuple[VerdictLine, ...]
    """Searches of slow sources made once, and hedged."""
    hedged_share: float
    """The share of the searches that were made a second time."""
    streaming: tuple[VerdictLine, ...]
    cumulative: tuple[VerdictLine, ...]
    """Everything off, and everything on."""
    loads: tuple[LoadResult, ...]
    failures: tuple[str, ...]
    """Loads that failed, and questions without an answer, with their reasons."""


def comparison(found: Iterable[LoadResult | FailedLoad]) -> Comparison:
    """Compare what was measured; a table is empty where a load that it needs has failed."""
    found = tuple(found)
    measured = {each.load.name: each for each in found if isinstance(each, LoadResult)}

    def have(*loads: LoadCase) -> list[LoadResult]:
        names = [load.name for load in loads]
        return [measured[name] for name in names] if measured.keys() >= set(names) else []

    parallel, cache = have(SEQUENTIAL, PARALLEL), have(UNCACHED, CACHED)
    everything, hedging = have(ALL_OFF, ALL_ON), have(UNHEDGED, HEDGED)
    return Comparison(
        parallel=tuple(compared(parallel[0], parallel[1], OF_PARALLEL)) if parallel else (),
        cache=tuple(compared(cache[0], cache[1], OF_CACHE)) if cache else (),
        hedging=tuple(compared(hedging[0], hedging[1], OF_HEDGING)) if hedging else (),
        hedged_share=hedging[1].hedged_share if hedging else 0.0,
        streaming=tuple(perceived(each) for each in have(LONG_ANSWERS)),
        cumulative=tuple(cumulated(everything[0], everything[1])) if everything else (),
        loads=tuple(measured.values()),
        failures=tuple(_failures(found)),
    )


def _failures(found: Iterable[LoadResult | FailedLoad]) -> Iterator[str]:
    for each in found:
        if isinstance(each, FailedLoad):
            yield f"{each.load.name} failed, and is not compared: {each.reason}"
        else:
            yield from (f"{each.load.name}: one question had no answer: {reason}" for reason in each.failures)


def show_comparison(found: Comparison) -> None:
    """Print a table of each comparison, and say how its load is made: the figures depend on it."""
    hedges = HEDGES.format(share=found.hedged_share)
    for title, made, lines in (
        ("Nodes one after another, and in parallel", SOURCES, found.parallel),
        ("Ten questions again and again, without the cache and with it", "", found.cache),
        ("Sources that are slow now and then, asked once and hedged", hedges, found.hedging),
    ):
        _show(title, [_row(line, f"{-line.change:+.0%}") for line in lines], made)
    streamed = [_row(line, f"{line.change:.1f} times as soon") for line in found.streaming]
    _show("A long answer, whole and streamed", streamed, ANSWER)
    everything = [_row(line, f"{-line.change:+.0%}") for line in found.cumulative]
    _show("Everything off, and parallel nodes, cache and streaming together", everything, EVERYTHING)
    for failure in found.failures:
        say(failure, "yellow")


def _show(title: str, rows: list[dict[str, object]], made: str) -> None:
    say(title)
    if not rows:
        say("not compared: see below", "yellow")
        return
    show_table(rows)
    if made:
        say(made)


def _row(line: VerdictLine, change: str) -> dict[str, object]:
    return {
        "": line.what,
        "before": f"{line.before:.2f} s",
        "after": f"{line.after:.2f} s",
        "change": change,
        "verdict": line.verdict,
    }
