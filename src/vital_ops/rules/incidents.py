"""Incidents: the alerts that one fault makes fire together, and that are one notification at a receiver.

An incident is one symptom, with its causes inside the engine: a source that fails makes answers degraded,
these are worse, and their objective's budget burns. Errors and slowness stay two incidents, since an open
page for one must not keep that for the other from being sent.

Grouping, and no inhibition: Alertmanager sends no RESOLVED for what ends while it is inhibited.
"""

from __future__ import annotations

from typing import Final

__all__ = ["INCIDENTS", "incident_of"]

INCIDENTS: Final = {
    "HighErrorRate": ("AvailabilityBurnsFast", "AvailabilityBurnsSlowly", "TenantAvailability"),
    "HighLatency": ("VeryHighLatency", "FirstTokenBurnsFast", "FirstTokenBurnsSlowly"),
    "LowQualityScore": (
        "HighDegradationRate",
        "HighRAGFailureRate",
        "HighToolFailureRate",
        "QualityBurnsFast",
        "QualityBurnsSlowly",
    ),
    "CacheNearCapacity": ("HighCacheEvictionRate", "LowCacheHitRate"),
    "HighDailyCost": ("SuddenCostSpike",),
    "EngineDown": ("ReplicaDown", "WorkerRestarts"),
    "EngineRejecting": ("TrafficDropped",),
}
"""The alerts of each incident beside the one that names it. Any other alert is an incident of its own."""

_OF_ALERTS: Final = {alert: incident for incident, alerts in INCIDENTS.items() for alert in alerts}


def incident_of(alert: str) -> str:
    """Return the incident of an alert."""
    return _OF_ALERTS.get(alert, alert)
