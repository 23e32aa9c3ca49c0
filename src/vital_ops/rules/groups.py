"""The rule files, and the groups in them."""

from __future__ import annotations

from typing import Final

from vital_ops.rules.alerts import ALERTS
from vital_ops.rules.reliability import RELIABILITY_ALERTS

__all__ = [
    "ALERT",
    "ALERT_GROUPS",
    "EVERY_ALERT",
    "GROUPS",
    "RECORDING",
    "RECORDING_GROUP",
    "SLO",
    "SLO_GROUPS",
]

RECORDING: Final = "recording.yml"
ALERT: Final = "alerts.yml"
SLO: Final = "slos.yml"

RECORDING_GROUP: Final = "vital-recording"

EVERY_ALERT: Final = (*ALERTS, *RELIABILITY_ALERTS)
"""All alerts but those of the objectives."""

GROUPS: Final = {
    f"vital-{group}": tuple(alert for alert in EVERY_ALERT if alert.group == group)
    for group in dict.fromkeys(alert.group for alert in EVERY_ALERT)
}
"""The alerts of each group, in their order."""

ALERT_GROUPS: Final = tuple(GROUPS)

SLO_GROUPS: Final = ("vital-slo-recording", "vital-slo")
