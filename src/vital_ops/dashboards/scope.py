"""The engines that a dashboard shows; known without the package that draws for Grafana."""

from __future__ import annotations

from vital_ops.dashboards.panel import ENVIRONMENT, INSTANCE

__all__ = ["board_scope"]


def board_scope(selector: str) -> str:
    """Write the matchers of a dashboard's queries: the configured engines, and of these the chosen ones."""
    return f'{selector},environment=~"{ENVIRONMENT}",instance=~"{INSTANCE}"'
