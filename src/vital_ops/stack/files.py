"""The files of the stack that are in the repository."""

from __future__ import annotations

from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.stack.prometheus import prometheus_configuration

__all__ = ["files"]

HEAD = "# Built by `vital ops build`, for docker-compose.yml.\n"


def files(config: OpsConfig = DEFAULT_CONFIG) -> dict[str, str]:
    """Return their texts, by their paths from the root."""
    return {
        "prometheus.yml": HEAD
        + prometheus_configuration(
            engine="ai-engine:8000",
            engine_is_resolved=True,
            prometheus="localhost:9090",
            alertmanager="alertmanager:9093",
            rules="/etc/prometheus/prometheus-rules/*.yml",
            key_file="/run/vital/engine.key",
            environment=config.environment,
            target_labels=config.target_labels,
        )
    }
