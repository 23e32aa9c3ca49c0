"""The interface of what evaluates queries for the service, and what it evaluates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ai_engine.monitoring.views import DataSource, Variable
from vital_ops.dashboards.panel import Board
from vital_ops.expressions.expression import QueryExpression

__all__ = ["Evaluated", "FigureSource", "QueryWindow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryWindow:
    """The times of a query, in seconds since 1970, and the choices for it."""

    times: Sequence[float]
    """Evenly spaced; one alone for an instant."""
    step: float
    range_seconds: float
    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One series of a result."""

    labels: Mapping[str, str]
    values: Sequence[float | None]
    """A value at each time; None: there is none, or it is not a number."""


class FigureSource(Protocol):
    """A place that figures come from."""

    async def query(
        self, expressions: Sequence[QueryExpression], window: QueryWindow
    ) -> Sequence[Sequence[Evaluated]]:
        """Evaluate expressions.

        :raises MonitoringUnavailable: when they cannot be evaluated now.
        """
        ...

    async def variables(self, board: Board) -> tuple[Variable, ...]:
        """Return the choices of a dashboard, and their values now."""
        ...

    async def source(self) -> DataSource:
        """Describe it."""
        ...
