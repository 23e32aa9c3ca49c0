"""The contents of a dashboard and its panels, independent of the program that draws them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vital_ops.expressions.evaluation import INTERVAL, RANGE
from vital_ops.expressions.expression import QueryExpression

__all__ = [
    "ENVIRONMENT",
    "INSTANCE",
    "INTERVAL",
    "MODE",
    "RANGE",
    "TENANT",
    "WORKFLOW",
    "Board",
    "Kind",
    "Limit",
    "Panel",
    "Query",
    "Section",
    "stable_id",
]

Kind: TypeAlias = Literal["bars", "gauge", "heatmap", "lines", "number", "pie", "table"]

ENVIRONMENT: Final = "$environment"
INSTANCE: Final = "$instance"
MODE: Final = "$mode"
TENANT: Final = "$tenant"
WORKFLOW: Final = "$workflow"

IDS: Final = 1_000_000


def stable_id(key: str) -> int:
    """Return the number that Grafana knows a key by: the same wherever a panel stands, so that links last."""
    return zlib.crc32(key.encode()) % IDS + 1


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    expr: QueryExpression
    legend: str
    """The name of each series, with labels in double braces; of a table's column, its heading."""
    unit: str = ""
    """The unit of a table's column; empty: the panel's."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The border between good and bad values."""

    value: float
    good: Literal["above", "below"]
    warnings: tuple[float, ...] = ()
    """Values on the way to it that are marked too, the lowest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel."""

    key: str
    """Its name for alerts, links and tests, the same wherever the panel stands; unique on its board."""
    title: str
    description: str
    """The meaning of the figures, and the conclusion to draw from them."""
    kind: Kind
    queries: tuple[Query, ...]
    unit: str
    """As Grafana calls it."""
    rows: tuple[str, ...] = ()
    """The labels that name a table's rows."""
    limit: Limit | None = None
    decimals: int | None = None
    """None: as many as the value needs."""
    least: float | None = None
    """The lowest value of the axis."""
    most: float | None = None
    """The highest value of the axis."""
    if_empty: str = "No data in this time"
    """The text in place of a value where there is none."""
    width: int = 8
    """The width, in columns of 24."""

    @property
    def id(self) -> int:
        """The number in links to it."""
        return stable_id(self.key)


@dataclass(frozen=True, slots=True)
class Section:
    """A row with a heading, and its panels; the first panels of a dashboard have none."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    description: str
    """Its readers, and the question that it answers."""
    refresh: str
    since: str
    """The beginning of the time that it shows."""
    panels: Sequence[Panel] = ()
    sections: Sequence[Section] = ()

    @property
    def all_panels(self) -> tuple[Panel, ...]:
        """All panels, from top to bottom."""
        return (*self.panels, *(panel for section in self.sections for panel in section.panels))

    def panel(self, key: str) -> Panel:
        """Return a panel by its key.

        :raises KeyError: when there is no such panel.
        """
        return {panel.key: panel for panel in self.all_panels}[key]

    def uses(self, variable: str) -> bool:
        """Return whether a query has a variable in it."""
        return any(variable in query.expr for panel in self.all_panels for query in panel.queries)
