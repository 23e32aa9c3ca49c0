"""Outcomes of a node, of an item of a fan-out, and of the whole run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from vital_shared.graph.error_text import one_line

__all__ = ["Degradation", "NodeStatus", "Outcome", "RunStatus", "Span"]

T = TypeVar("T")

NodeStatus = Literal["success", "failed", "timeout", "skipped", "cancelled", "paused"]
RunStatus = Literal["success", "failed", "cancelled", "paused"]


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The outcome of one item of a fan-out."""

    status: Literal["success", "failed", "timeout"]
    value: T | None
    """The value of the item; None unless it succeeded."""
    error: str | None
    """``Type: message`` of the error, if the item failed."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Degradation:
    """A degradation: something that the run had to do without."""

    node: str
    reason: str
    error: str
    """``Type: message`` of the error."""
    item: int | None = None
    """The index of the item, in a fan-out."""


@dataclass(frozen=True, slots=True)
class Span:
    """A line of the waterfall; times are seconds since the run's start, without waiting for a person."""

    node: str
    status: NodeStatus
    start: float
    end: float


def describe(error: BaseException) -> str:
    """Describe an error in one line that can be stored: it has no lone surrogates."""
    text = one_line(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
