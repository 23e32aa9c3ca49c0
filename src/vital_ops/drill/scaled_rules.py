"""The alerts as a drill has them: the same rules, in which time runs faster."""

from __future__ import annotations

from typing import Final

from vital_ops.config import DEFAULT_CONFIG, scaled
from vital_ops.drill.faults import FAULTS
from vital_ops.drill.journey import Receiver
from vital_ops.drill.outage import ENGINE_DOWN
from vital_ops.rules.files import rule_files
from vital_ops.rules.groups import EVERY_ALERT

__all__ = ["MAX_WINDOW_SECONDS", "SPEEDUP_FACTOR", "receivers_of_alerts", "scaled_rules"]

SPEEDUP_FACTOR: Final = 60.0
"""Five minutes take five seconds: ten scrapes."""

MAX_WINDOW_SECONDS: Final = 15.0
"""An hour takes as long, and a day too: what they add up is over sooner."""


def scaled_rules() -> dict[str, str]:
    """Write the rules of the alerts; objectives, which are about days, are left out."""
    files = rule_files(scaled(DEFAULT_CONFIG, SPEEDUP_FACTOR, MAX_WINDOW_SECONDS))
    return {name: files[name] for name in ("recording.yml", "alerts.yml")}


def receivers_of_alerts() -> dict[str, frozenset[Receiver]]:
    """Return the receivers, beside the engine, of each alert that a fault of the drill makes fire."""
    drilled = frozenset({ENGINE_DOWN}).union(*(fault.alerts for fault in FAULTS))
    return {alert.name: frozenset(alert.receivers) for alert in EVERY_ALERT if alert.name in drilled}
