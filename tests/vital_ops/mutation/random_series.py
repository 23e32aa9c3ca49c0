"""Random series of an alert, made of pieces of its tests: engines die and come back, traffic and faults change.

Counters only rise, but for restarts; the buckets of a histogram stay in order; what an engine shows ends when it
dies. Each series is as likely as the next to do anything that its tests know of. Some segments are special: just
one engine is up, no engine is, an engine begins anew without a gap, or the alert is exactly at a limit. Some series
begin late, with their first count.

What is exactly at a limit comes between two segments with traffic that is not: over a window without samples in
a part of it a rate is extrapolated, and rounding would then choose the side of the limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from vital_ops.config import DEFAULT_CONFIG
from vital_ops.promql import SCOPE, scoped
from vital_ops.rules.case import Case, SeriesPhases

__all__ = ["ENGINES", "Pace", "random_series"]

ENGINES: Final = ("one:8000", "two:8000", "three:8000")
ELSEWHERE: Final = 'job="elsewhere"'

OF_BUCKET: Final = re.compile(r'_(bucket|count|sum)(?=\{)|le="[^"]*",?')
"""The parts of a name by which the series of one histogram differ."""

KINDS: Final = {"all": 8, "some": 4, "one": 3, "none": 4, "restart": 3, "exact": 3}
"""Kinds of segments, and how often each comes: engines that are up, and what else is special."""

EXACT_SHARES: Final = (0.5, 0.25, 0.25)
"""Engines' shares of what is counted, of which no rounding makes another number."""

LATE_SHARE: Final = 0.2
"""The share of the series that begin late."""

FACTORS: Final = (0.0, 0.01, 0.2, 1.0, 1.0, 1.0, 1.0, 3.0)
"""Of traffic, in terms of what a test has."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a trial lasts, in minutes, and how often something happens in it."""

    minutes: int
    step: int
    """Minutes between evaluations and samples of gauges."""
    counted_every: int
    """Steps between samples of counters."""
    shortest: int
    longest: int
    """Minutes until things change."""


@dataclass(slots=True)
class Shown:
    """What one engine shows of one series."""

    rises: bool
    values: list[str] = field(default_factory=list)
    at: float = 0.0

    def restart(self) -> None:
        """Let a counter begin anew, at once."""
        self.at = 0.0 if self.rises else self.at

    def add(self, amount: float | None, step: int, *, is_sampled: bool) -> None:
        """Add a sample.

        :param amount: each minute's rise, or the value; None: the series ends, and begins at nothing.
        """
        if amount is None:
            ended = not self.values or self.values[-1] in ("_", "stale")
            self.values.append("_" if ended else "stale")
            self.at = 0.0
            return
        self.at = self.at + amount * step if self.rises else amount
        self.values.append(f"{self.at:.12g}" if is_sampled else "_")


Piece = dict[str, float | None]
"""What each series of a test does in one of its phases."""


def random_series(cases: Sequence[Case], pace: Pace, chance: Random) -> dict[str, str]:
    """Write the series of one trial."""
    names = {name: line.rises for case in cases for name, line in case.series.items() if "up{" not in name}
    births = {_metric(name): chance.random() * pace.minutes for name in names if chance.random() < LATE_SHARE}
    late = {name: births[_metric(name)] for name in names if _metric(name) in births}
    shown: dict[str, Shown] = {}
    minute = 0
    ahead: list[str] = []
    births_until = 0
    while minute < pace.minutes:
        ahead = ahead or _kinds(cases, chance)
        kind = ahead.pop(0)
        span = chance.choice((pace.longest, (pace.shortest + pace.longest) // 4))
        lasts = pace.longest if kind in ("exact", "busy") else chance.randint(pace.shortest, span)
        steps = max(min(lasts, pace.minutes - minute) // pace.step, 1)
        births_until = births_until if kind == "exact" else minute
        known = {name: rises for name, rises in names.items() if late.get(name, 0) <= births_until}
        again = chance.choice(ENGINES) if kind == "restart" else None
        for name, rises, amount in _segment(kind, cases, known, chance):
            each = shown.setdefault(name, Shown(rises, ["_"] * (minute // pace.step)))
            if again and again in name and f"{ELSEWHERE}" not in name:
                each.restart()
            for number in range(minute // pace.step, minute // pace.step + steps):
                each.add(amount, pace.step, is_sampled=not rises or number % pace.counted_every == 0)
        minute += steps * pace.step
    return {name: " ".join(each.values) for name, each in shown.items()}


def _kinds(cases: Sequence[Case], chance: Random) -> list[str]:
    """Choose the kind of the next segment, or of the next three."""
    kind = chance.choices(tuple(KINDS), tuple(KINDS.values()))[0]
    return ["busy", "exact", "busy"] if kind == "exact" and _busy_pieces(cases) else [kind]


def _segment(
    kind: str, cases: Sequence[Case], names: Mapping[str, bool], chance: Random
) -> Iterator[tuple[str, bool, float | None]]:
    """Let all series do something for a while."""
    exact = [case for case in cases if case.is_exact]
    is_exact = kind == "exact" and bool(exact)
    is_busy = kind == "busy"
    if is_exact:
        piece = _last_piece(chance.choice(exact))
    else:
        usual = [case for case in cases if not case.is_exact]
        piece = chance.choice(_busy_pieces(cases)) if is_busy else _piece(chance.choice(usual), chance)
    traffic = 1.0 if is_exact or is_busy else chance.choice(FACTORS)
    up = _up("all" if is_exact or is_busy else kind, chance)
    is_known = {engine: chance.random() > 0.2 for engine in ENGINES}
    for engine in ENGINES:
        state = (1.0 if up[engine] else 0.0) if up[engine] or is_known[engine] else None
        yield scoped(f'up{{{SCOPE},instance="{engine}"}}', DEFAULT_CONFIG.selector), False, state
    yield f'up{{{ELSEWHERE},instance="one:8000"}}', False, chance.choice((0.0, 1.0))
    shares = dict(zip(ENGINES, EXACT_SHARES, strict=True)) if is_exact else _shares(chance)
    for name, rises in names.items():
        amount = piece.get(name, 0.0 if rises else None)
        yield from _by_engine(name, amount, rises, traffic, shares, up)
        if SCOPE in name:
            factor = chance.choice(FACTORS)
            other = scoped(_on(name, "one:8000"), ELSEWHERE)
            yield other, rises, None if amount is None else amount * factor


def _up(kind: str, chance: Random) -> dict[str, bool]:
    """Choose the engines that are up."""
    if kind in ("one", "none"):
        only = chance.choice(ENGINES) if kind == "one" else None
        return {engine: engine == only for engine in ENGINES}
    return {engine: kind != "some" or chance.random() > 0.3 for engine in ENGINES}


def _last_piece(case: Case) -> Piece:
    """Do what a case does at last."""
    return {name: line.phases[-1][1] for name, line in case.series.items()}


def _busy_pieces(cases: Sequence[Case]) -> Sequence[Piece]:
    """Return what cases do that are not at a limit, while all that they count rises."""
    pieces = (
        (case, _phase(case, place))
        for case in cases
        if not case.is_exact
        for place in range(max(len(line.phases) for line in case.series.values()))
    )
    return [
        piece
        for case, piece in pieces
        if all(piece[name] for name, line in case.series.items() if line.rises)
    ]


def _phase(case: Case, place: int) -> Piece:
    return {name: line.phases[min(place, len(line.phases) - 1)][1] for name, line in case.series.items()}


def _piece(case: Case, chance: Random) -> Piece:
    count = max(len(line.phases) for line in case.series.values())
    place = chance.randrange(count)
    blend = chance.choice((0.0, 0.0, chance.random()))
    other = chance.randrange(count)
    return {name: _blended(line, place, other, blend) for name, line in case.series.items()}


def _blended(line: SeriesPhases, place: int, other: int, blend: float) -> float | None:
    """Do something between two phases: events of both, in one mixture."""
    first, second = (line.phases[min(each, len(line.phases) - 1)][1] for each in (place, other))
    if first is None or second is None:
        return first
    return first * (1 - blend) + second * blend


def _shares(chance: Random) -> dict[str, float]:
    parts = {engine: chance.random() for engine in ENGINES}
    whole = sum(parts.values())
    return {engine: part / whole for engine, part in parts.items()}


def _by_engine(
    name: str,
    amount: float | None,
    rises: bool,
    traffic: float,
    shares: Mapping[str, float],
    up: Mapping[str, bool],
) -> Iterator[tuple[str, bool, float | None]]:
    if SCOPE not in name:
        yield name, rises, None if amount is None else amount * (traffic if rises else 1)
        return
    own = [engine for engine in ENGINES if f'instance="{engine}"' in name]
    for engine in own or ENGINES if rises else own or ENGINES[:1]:
        share = (1.0 if own else shares[engine]) * (traffic if rises else 1.0)
        value = amount * share if amount is not None and up[engine] else None
        yield scoped(_on(name, engine), DEFAULT_CONFIG.selector), rises, value


def _metric(series: str) -> str:
    """Name what is born at once: all buckets of a histogram are, with their count."""
    return OF_BUCKET.sub("", series)


def _on(series: str, instance: str) -> str:
    return series if "instance=" in series else series.replace("}", f',instance="{instance}"}}')
