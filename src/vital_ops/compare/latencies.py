"""The latency of each part of an answer: drawn by the number of its question, so that a load can be repeated.

The means are those of a workflow as it was measured: the agent 200 ms, retrieval 1,500 (two sources of 900
and 600, one after another), tools 800, the model 300. They are long-tailed: a few take several times as long.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from typing import Final

__all__ = [
    "AGENT",
    "FIRST_SOURCE",
    "HEDGING",
    "MODEL",
    "PARTS",
    "SECOND_SOURCE",
    "TOOLS",
    "number_of",
    "search_seconds",
    "seconds",
    "worded",
]

AGENT: Final = "agent"
FIRST_SOURCE: Final = "pinecone"
SECOND_SOURCE: Final = "supabase"
"""Sources are a closed set: two others stand in for these."""
TOOLS: Final = "tools"
MODEL: Final = "model"

SEED: Final = 200


@dataclass(frozen=True, slots=True)
class LatencyPart:
    """A part of an answer."""

    mean: float
    """Seconds."""
    spread: float
    """The standard deviation of the logarithm: a log-normal distribution."""


PARTS: Final[Mapping[str, LatencyPart]] = {
    AGENT: LatencyPart(0.2, 0.8),
    FIRST_SOURCE: LatencyPart(0.9, 0.6),
    SECOND_SOURCE: LatencyPart(0.6, 0.6),
    TOOLS: LatencyPart(0.8, 0.8),
    MODEL: LatencyPart(0.3, 0.3),
}

HEDGING: Final = "hedging"
"""The beginning of the tenants whose sources have a tail of their own: see `search_seconds`."""

TAILED: Final = LatencyPart(0.2, 0.3)
TAIL_SHARE: Final = 0.03
TAIL_FACTOR: Final = 10
"""A source that mostly answers within 0.4 seconds; 3 % of its searches take 10 times as long, as where one
of several replicas pauses now and then."""

_NUMBER: Final = re.compile(r"widget (\d+)")


def worded(number: int) -> str:
    """Word the question of a number."""
    return f"How long does the review of widget {number} take?"


def number_of(question: str) -> int:
    """Read a question's number; another question has none, and takes no time."""
    found = _NUMBER.search(question)
    return int(found[1]) if found else 0


def seconds(part: str, question: str) -> float:
    """Return the latency of a part for a question, in seconds: the same whenever it is asked."""
    number = number_of(question)
    if not number:
        return 0.0
    return _drawn(PARTS[part], random.Random(f"{SEED} {part} {number}"))  # noqa: S311 - it is no secret


def search_seconds(source: str, question: str, attempt: int) -> float:
    """Return the latency of a source with a long tail, in seconds; each attempt has its own.

    :param attempt: the number of the search of this question, from 1 on.
    """
    draws = random.Random(f"{SEED} {source} {number_of(question)} {attempt}")  # noqa: S311 - it is no secret
    return _drawn(TAILED, draws) * (TAIL_FACTOR if draws.random() < TAIL_SHARE else 1)


def _drawn(part: LatencyPart, draws: random.Random) -> float:
    return part.mean * exp(part.spread * draws.gauss(0, 1) - part.spread**2 / 2)
