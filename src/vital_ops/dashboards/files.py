"""The dashboards as files."""

from __future__ import annotations

from typing import Final

from vital_ops.dashboards.cache import cache
from vital_ops.dashboards.cost import cost
from vital_ops.dashboards.health import health
from vital_ops.dashboards.panel import Board
from vital_ops.dashboards.performance import performance
from vital_ops.dashboards.provisioning import provisioning
from vital_shared.errors import ConfigurationError

__all__ = ["boards", "dashboard_files"]

PROMETHEUS: Final = "http://prometheus:9090"
"""Within the network of the containers."""


def boards() -> tuple[Board, ...]:
    """Make the four dashboards."""
    return (performance(), cache(), cost(), health())


def dashboard_files() -> dict[str, str]:
    """Write them and how Grafana finds them, by their names.

    :raises ConfigurationError: when what draws them is not installed.
    """
    try:
        from vital_ops.dashboards.drawing import draw  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'Building the dashboards needs what is not installed: pip install "vital[ops]"'
        ) from error
    four = boards()
    drawn = {
        f"{board.uid}.json": draw(board, [other for other in four if other is not board]) for board in four
    }
    return drawn | provisioning(PROMETHEUS)
