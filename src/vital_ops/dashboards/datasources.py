"""The data sources that Grafana is provisioned with: metrics, alerts and, where configured, traces."""

from __future__ import annotations

from typing import Any, Final

from vital_ops.config import OpsConfig

__all__ = ["datasources"]

TRACES: Final = "traces"
"""The uid of the source of traces, which exemplars link to."""

TRACE_LABEL: Final = "trace_id"
"""The label of an exemplar that names its trace."""


def datasources(config: OpsConfig) -> dict[str, Any]:
    """Make the content of the provisioning file."""
    sources = [_prometheus(config), _alertmanager(config)]
    if config.traces_url:
        sources.append(_traces(config))
    return {"apiVersion": 1, "datasources": sources}


def _prometheus(config: OpsConfig) -> dict[str, Any]:
    details: dict[str, Any] = {"httpMethod": "POST", "timeInterval": "10s", "manageAlerts": False}
    if config.traces_url:
        details["exemplarTraceIdDestinations"] = [{"name": TRACE_LABEL, "datasourceUid": TRACES}]
    return _source("Prometheus", "prometheus", "prometheus", config.prometheus_url, details) | {
        "isDefault": True
    }


def _alertmanager(config: OpsConfig) -> dict[str, Any]:
    details = {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}
    return _source("Alertmanager", "alertmanager", "alertmanager", config.alertmanager_url, details)


def _traces(config: OpsConfig) -> dict[str, Any]:
    return _source("Traces", TRACES, config.traces_type, config.traces_url, {})


def _source(name: str, uid: str, kind: str, url: str, details: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "uid": uid, "type": kind, "access": "proxy", "url": url, "jsonData": details}
