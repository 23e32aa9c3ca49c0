"""The rule files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vital_ops.rules.alerts import ALERTS, alert_rules
from vital_ops.rules.recording import recordings
from vital_ops.rules.rule import Rule, write_rules
from vital_ops.rules.slos import WATCHDOG, slo_alerts, slo_recordings
from vital_ops.thresholds import DEFAULTS, Thresholds

__all__ = ["BUILT", "rule_files"]

BUILT: Final = "Built by `vital ops build`: change it there."

GROUPS: Final = {"performance": 3, "cache": 3, "cost": 2, "quality": 2, "system": 2}
"""How many of the alerts, in their order, belong together."""


def rule_files(thresholds: Thresholds = DEFAULTS) -> dict[str, str]:
    """Write all rules, by the names of their files."""
    return {
        "recording.yml": write_rules({"vital-recording": recordings(thresholds)}, BUILT),
        "alerts.yml": write_rules(_grouped(thresholds), BUILT),
        "slos.yml": write_rules(
            {"vital-slo-recording": slo_recordings(), "vital-slo": [*slo_alerts(), WATCHDOG]}, BUILT
        ),
    }


def _grouped(thresholds: Thresholds) -> Mapping[str, list[Rule]]:
    rules = list(alert_rules(thresholds))
    assert len(rules) == sum(GROUPS.values()) == len(ALERTS)  # noqa: S101 - a table beside a table
    ends = [sum(list(GROUPS.values())[: number + 1]) for number in range(len(GROUPS))]
    return {
        f"vital-{name}": [*rules[end - count : end]]
        for (name, count), end in zip(GROUPS.items(), ends, strict=True)
    }
