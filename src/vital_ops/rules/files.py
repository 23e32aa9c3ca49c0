"""The rule files."""

from __future__ import annotations

from typing import Final

from vital_ops.rules.groups import ALERT, GROUPS, RECORDING, RECORDING_GROUP, SLO, SLO_GROUPS
from vital_ops.rules.recording import recordings
from vital_ops.rules.rule import Rule, write_rules
from vital_ops.rules.slos import WATCHDOG, slo_alerts, slo_recordings
from vital_ops.thresholds import DEFAULTS, Thresholds

__all__ = ["BUILT", "rule_files"]

BUILT: Final = "Built by `vital ops build`: change it there."


def rule_files(thresholds: Thresholds = DEFAULTS) -> dict[str, str]:
    """Write all rules, by the names of their files."""
    alerts = {name: [alert.rule(thresholds[alert.name]) for alert in group] for name, group in GROUPS.items()}
    recorded, watched = SLO_GROUPS
    slos: dict[str, list[Rule]] = {recorded: [*slo_recordings()], watched: [*slo_alerts(), WATCHDOG]}
    return {
        RECORDING: write_rules({RECORDING_GROUP: recordings(thresholds)}, BUILT),
        ALERT: write_rules(alerts, BUILT),
        SLO: write_rules(slos, BUILT),
    }
