"""Reliability: engines, traffic, objectives, providers, processes and the store."""

from __future__ import annotations

from vital_ops.dashboards.objectives import objectives
from vital_ops.dashboards.panel import Board, Section
from vital_ops.dashboards.processes import processes
from vital_ops.dashboards.providers import providers
from vital_ops.dashboards.storage import storage
from vital_ops.dashboards.traffic import traffic
from vital_ops.thresholds import Thresholds
from vital_ops.uids import RELIABILITY

__all__ = ["reliability"]


def reliability(thresholds: Thresholds) -> Board:
    """Make it."""
    return Board(
        uid=RELIABILITY,
        title="VITAL / Reliability",
        description="For on-call engineers and SRE: do we keep our promises, and if not, because of what?",
        refresh="30s",
        since="now-3h",
        sections=(
            Section("Engines and traffic", traffic(thresholds)),
            Section("Objectives", objectives(thresholds)),
            Section("Models, tools and sources", providers()),
            Section("Processes", processes()),
            Section("Store and notifications", storage(thresholds)),
        ),
    )
