"""Tests of all alerts: each fires, not just below its threshold, not on too little, and is over again.

They hold for Prometheus 2 and 3 alike, whose windows differ by one sample: all series are straight lines, and
no check stands at the edge of a window.
"""

from __future__ import annotations

from typing import Final

from vital_ops.config import OpsConfig
from vital_ops.rules.alert_rule import alert_rule
from vital_ops.rules.case import Case, write_cases
from vital_ops.rules.groups import ALERT, ALERT_GROUPS, EVERY_ALERT, RECORDING, RECORDING_GROUP
from vital_ops.rules.slo_tests import slo_cases, slo_tests
from vital_ops.rules.timing import Timing

__all__ = ["rule_cases", "rule_tests"]

COMMENT: Final = "Built by `vital ops build`: promtool test rules prometheus-rules/tests/*.yml"

ORDER: Final = (RECORDING_GROUP, *ALERT_GROUPS)


def rule_cases(config: OpsConfig) -> dict[str, list[Case]]:
    """Make the cases of all alerts, by the names of their rows in the configuration."""
    return {each.key: [*each.cases(config.threshold(each.key))] for each in EVERY_ALERT} | slo_cases()


def rule_tests(config: OpsConfig) -> dict[str, str]:
    """Write all tests, by the names of their files."""
    written: dict[str, str] = {}
    for alert in EVERY_ALERT:
        at = config.threshold(alert.key)
        written |= write_cases(
            alert.name,
            alert.cases(at),
            COMMENT,
            selector=config.selector,
            rules=(RECORDING, ALERT),
            groups=ORDER,
            labels=alert_rule(alert, config, "").labels,
            step=Timing.of(at).step,
            file=alert.key,
        )
    return written | slo_tests(COMMENT, config)
