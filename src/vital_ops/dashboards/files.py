"""The dashboards as files."""

from __future__ import annotations

from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.dashboards.boards import boards
from vital_ops.dashboards.provisioning import provisioning
from vital_shared.errors import ConfigurationError

__all__ = ["dashboard_files"]


def dashboard_files(config: OpsConfig = DEFAULT_CONFIG) -> dict[str, str]:
    """Write them and how Grafana finds them, by their names.

    :raises ConfigurationError: when what draws them is not installed.
    """
    try:
        from vital_ops.dashboards.drawing import draw  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'Building the dashboards needs what is not installed: pip install "vital-engine[ops]"'
        ) from error
    every = boards(config)
    drawn = {
        f"{board.uid}.json": draw(board, [other for other in every if other is not board], config.selector)
        for board in every
    }
    return drawn | provisioning(config)
