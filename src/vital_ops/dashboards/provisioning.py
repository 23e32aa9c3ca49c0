"""How Grafana finds the dashboards and Prometheus."""

from __future__ import annotations

from typing import Final

from vital_ops.rules.rule import write_yaml

__all__ = ["provisioning"]

BUILT: Final = "Built by `vital ops build`: change it there."

MOUNTED: Final = "/etc/grafana/provisioning/dashboards"
"""Where the folder is mounted; Grafana reads the dashboards from where it reads this file."""


def provisioning(prometheus_url: str) -> dict[str, str]:
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
    sources = {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": "prometheus",
                "type": "prometheus",
                "access": "proxy",
                "url": prometheus_url,
                "isDefault": True,
                "jsonData": {"httpMethod": "POST", "timeInterval": "10s", "manageAlerts": False},
            }
        ],
    }
    return {
        "provider.yml": write_yaml(providers, BUILT),
        "datasources/prometheus.yml": write_yaml(sources, BUILT),
    }
