"""The dashboards, and the addresses of their panels."""

from __future__ import annotations

from vital_ops.config import OpsConfig
from vital_ops.dashboards.cache import cache
from vital_ops.dashboards.cost import cost
from vital_ops.dashboards.health import health
from vital_ops.dashboards.panel import Board
from vital_ops.dashboards.performance import performance
from vital_ops.dashboards.reliability import reliability

__all__ = ["boards", "panel_links", "panel_url"]


def boards(config: OpsConfig) -> tuple[Board, ...]:
    """Make the five dashboards."""
    thresholds = config.thresholds
    return (
        performance(thresholds),
        cache(thresholds),
        cost(config),
        health(thresholds),
        reliability(thresholds),
    )


def panel_url(config: OpsConfig, uid: str, key: str) -> str:
    """Return the address of a panel.

    :param uid: its dashboard.
    :raises KeyError: when there is no such panel.
    """
    by_uid = {board.uid: board for board in boards(config)}
    return config.panel(uid, by_uid[uid].panel(key).id)


def panel_links(config: OpsConfig) -> dict[str, str]:
    """Return the addresses of all panels, by board and title such as ``Reliability: Engines up``."""
    return {
        f"{board.title.removeprefix('VITAL / ')}: {panel.title}": config.panel(board.uid, panel.id)
        for board in boards(config)
        for panel in board.all_panels
    }
