"""The rule files, and the groups in them: all alerts, and all that is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vital_ops.rules.alerts import ALERTS
from vital_ops.rules.recording import shared_recordings
from vital_ops.rules.reliability import RELIABILITY_ALERTS
from vital_ops.rules.rule import Recording
from vital_ops.thresholds import Thresholds

__all__ = [
    "ALERT",
    "ALERT_GROUPS",
    "EVERY_ALERT",
    "GROUPS",
    "RECORDING",
    "RECORDING_GROUP",
    "SLO",
    "SLO_GROUPS",
    "recordings",
    "watching_alerts",
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


def watching_alerts(uid: str, panel: str) -> tuple[str, ...]:
    """Return the names of the alerts that watch a panel of a dashboard."""
    shown = (uid, panel)
    return tuple(
        dict.fromkeys(alert.name for alert in EVERY_ALERT if (alert.dashboard, alert.panel) == shown)
    )


def recordings(thresholds: Thresholds) -> Iterator[Recording]:
    """Make all recorded series: those that are shared, and those of single alerts."""
    yield from shared_recordings(thresholds)
    for alert in EVERY_ALERT:
        recording = alert.recording(thresholds[alert.key])
        if recording is not None:
            yield recording
