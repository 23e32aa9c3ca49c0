"""The files by which Grafana finds the dashboards and its data sources."""

from __future__ import annotations

from typing import Final

from vital_ops.config import OpsConfig
from vital_ops.dashboards.datasources import datasources
from vital_ops.rules.rule import write_yaml

__all__ = ["provisioning"]

BUILT: Final = "Built by `vital ops build`: change it there."

MOUNTED: Final = "/etc/grafana/provisioning/dashboards"
"""The mount point of the folder; Grafana reads the dashboards from where it reads this file."""


def provisioning(config: OpsConfig) -> dict[str, str]:
    """Write the files, by their names in the folder of the dashboards."""
    providers = {
        "apiVersion": 1,
        "providers": [
            {
                "name": "vital",
                "folder": "VITAL",
                "type": "file",
                "disableDeletion": True,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": MOUNTED},
            }
        ],
    }
    return {
        "provider.yml": write_yaml(providers, BUILT),
        "datasources/prometheus.yml": write_yaml(datasources(config), BUILT),
    }
