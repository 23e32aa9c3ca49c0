"""Outcomes of a node, of an item of a fan-out, and of the whole run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

__all__ = ["Degradation", "NodeStatus", "Outcome", "RunStatus", "Span"]

T = TypeVar("T")

NodeStatus = Literal["success", "failed", "timeout", "skipped", "cancelled", "paused"]
RunStatus = Literal["success", "failed", "cancelled", "paused"]


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The outcome of one item of a fan-out."""

    status: Literal["success", "failed", "timeout"]
    value: T | None
    """None unless it succeeded."""
    error: str | None
    """``Type: message`` where it failed."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Degradation:
    """Something that the run had to do without."""

    node: str
    reason: str
    error: str
    """``Type: message`` of what went wrong."""
    item: int | None = None
    """The index of an item of a fan-out."""


@dataclass(frozen=True, slots=True)
class Span:
    """A line of the waterfall: times in seconds since the run's start, without waits for a person."""

    node: str
    status: NodeStatus
    start: float
    end: float


def describe(error: BaseException) -> str:
    """Describe an error in one line, which can be stored: no lone surrogates."""
    text = " ".join(str(error).split()).encode("utf-8", "backslashreplace").decode()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
