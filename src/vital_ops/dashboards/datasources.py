"""The data sources that Grafana is provisioned with: metrics, alerts and, where configured, traces."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode

from vital_ops.config import OpsConfig

__all__ = ["datasources", "trace_url"]

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


def trace_url(config: OpsConfig, trace_id: str) -> str | None:
    """Return the address of a trace in Grafana, whose source of traces is ours; None: no traces are kept."""
    if not config.traces_url:
        return None
    query = {
        "refId": "A",
        "datasource": {"type": config.traces_type, "uid": TRACES},
        "query": trace_id,
        **({"queryType": "traceql"} if config.traces_type == "tempo" else {}),
    }
    panes = {
        "vital": {"datasource": TRACES, "queries": [query], "range": {"from": "now-30d", "to": "now"}},
    }
    asked = urlencode({"schemaVersion": 1, "orgId": 1, "panes": json.dumps(panes, separators=(",", ":"))})
    return f"{config.grafana_url.rstrip('/')}/explore?{asked}"


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
