"""Service level objectives, and the share of degraded answers."""

from __future__ import annotations

from typing import Final

from vital_ops.dashboards.panel import RANGE, Limit, Panel, Query
from vital_ops.promql import over_time, recorded
from vital_ops.rules.recording import DEGRADATION_RATIO
from vital_ops.rules.slos import OBJECTIVES, WINDOWS, Objective, burn_rate
from vital_ops.thresholds import Thresholds

__all__ = ["objectives"]

EVEN_BURN: Final = 1.0
"""The rate at which a budget of 30 days lasts 30 days."""

TITLES: Final = {
    "availability": "SLO burn: availability",
    "first_token": "SLO burn: first token",
    "quality": "SLO burn: quality",
}


def objectives(thresholds: Thresholds) -> tuple[Panel, ...]:
    """Make the panels."""
    return (*(_burn(objective) for objective in OBJECTIVES), _degradations(thresholds))


def _burn(objective: Objective) -> Panel:
    return Panel(
        key=objective.panel,
        title=TITLES[objective.label],
        description=(
            f"How many times too fast the error budget for {objective.bad_events} burns; "
            f"the objective allows {1 - objective.good:.0%}. Above 1 the budget does not last 30 days; "
            "above 14.4 for an hour somebody is paged."
        ),
        kind="lines",
        queries=tuple(Query(burn_rate(objective, window), window) for window in WINDOWS),
        unit="short",
        decimals=2,
        least=0,
        if_empty="No events",
        limit=Limit(EVEN_BURN, "below"),
    )


def _degradations(thresholds: Thresholds) -> Panel:
    return Panel(
        key="degradation_share",
        title="Share of degraded answers",
        description="Degraded answers, and the average over the time shown.",
        kind="lines",
        queries=(
            Query(recorded(DEGRADATION_RATIO), "degraded"),
            Query(over_time("avg", recorded(DEGRADATION_RATIO), RANGE), "trend"),
        ),
        unit="percentunit",
        decimals=1,
        least=0,
        limit=Limit(thresholds["HighDegradationRate"].value, "below"),
        width=24,
    )
