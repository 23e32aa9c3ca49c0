"""What a dashboard and its panels show, whoever draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["INTERVAL", "MODE", "RANGE", "TENANT", "Board", "Kind", "Limit", "Panel", "Query", "Section"]

Kind: TypeAlias = Literal["bars", "gauge", "heatmap", "lines", "number", "pie", "table"]

INTERVAL: Final = "$__rate_interval"
"""As long as one point of a graph, and four scrapes at least."""

RANGE: Final = "$__range"
"""As long as what the dashboard shows."""

MODE: Final = "$mode"
TENANT: Final = "$tenant"


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    expr: str
    legend: str
    """The name of each series, with labels in double braces; of a table's column, its heading."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Where good ends."""

    value: float
    good: Literal["above", "below"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel."""

    key: str
    """Its name for alerts and tests, the same wherever the panel stands; unique on its board."""
    title: str
    description: str
    """What one sees, and what to make of it."""
    kind: Kind
    queries: tuple[Query, ...]
    unit: str
    """As Grafana calls it."""
    limit: Limit | None = None
    width: int = 8
    """Of 24."""


@dataclass(frozen=True, slots=True)
class Section:
    """A row with a heading, and its panels; the first panels of a dashboard have none."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard; panels are numbered from 1, in their order."""

    uid: str
    title: str
    description: str
    """Whom it is for."""
    refresh: str
    since: str
    """How far back it begins."""
    panels: Sequence[Panel]
    section: Section | None = None
    with_tenant: bool = True
    """Whether a tenant can be chosen: where some of its metrics have tenants."""

    @property
    def all_panels(self) -> tuple[Panel, ...]:
        """All panels, in the order of their numbers."""
        return (*self.panels, *(self.section.panels if self.section else ()))

    def number(self, key: str) -> int:
        """Return the number of a panel, which links name it by.

        :raises ValueError: when there is no such panel.
        """
        return [panel.key for panel in self.all_panels].index(key) + 1
