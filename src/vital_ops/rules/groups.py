"""The rule files, and the groups in them."""

from __future__ import annotations

from typing import Final

from vital_ops.rules.alerts import ALERTS

__all__ = ["ALERT", "ALERT_GROUPS", "GROUPS", "RECORDING", "RECORDING_GROUP", "SLO", "SLO_GROUPS"]

RECORDING: Final = "recording.yml"
ALERT: Final = "alerts.yml"
SLO: Final = "slos.yml"

RECORDING_GROUP: Final = "vital-recording"

GROUPS: Final = {
    "vital-performance": ALERTS[:3],
    "vital-cache": ALERTS[3:6],
    "vital-cost": ALERTS[6:8],
    "vital-quality": ALERTS[8:10],
    "vital-system": ALERTS[10:],
}
"""Which of the twelve belong together."""

ALERT_GROUPS: Final = tuple(GROUPS)

SLO_GROUPS: Final = ("vital-slo-recording", "vital-slo")
