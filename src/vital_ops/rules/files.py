"""The rule files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from vital_ops.config import DEFAULT_CONFIG, OpsConfig
from vital_ops.dashboards.boards import panel_url
from vital_ops.promql import scoped
from vital_ops.rules.alert_rule import alert_rule
from vital_ops.rules.groups import ALERT, GROUPS, RECORDING, RECORDING_GROUP, SLO, SLO_GROUPS, recordings
from vital_ops.rules.rule import AlertRule, Recording, Rule, write_rules
from vital_ops.rules.slos import slo_alerts, slo_recordings, watchdog
from vital_ops.uids import HEALTH

__all__ = ["BUILT", "alert_rules", "rule_files", "slo_rules"]

BUILT: Final = "Built by `vital ops build`: change it there."

R = TypeVar("R", Recording, AlertRule)


def rule_files(config: OpsConfig = DEFAULT_CONFIG) -> dict[str, str]:
    """Write all rules, by the names of their files."""
    watched, objectives = SLO_GROUPS
    recorded = _scoped(recordings(config.thresholds), config)
    slos: dict[str, list[Rule]] = {
        watched: [*_scoped(slo_recordings(), config)],
        objectives: [*slo_rules(config), watchdog(config, f"{config.grafana_url.rstrip('/')}/d/{HEALTH}")],
    }
    return {
        RECORDING: write_rules({RECORDING_GROUP: recorded}, BUILT),
        ALERT: write_rules(alert_rules(config), BUILT),
        SLO: write_rules(slos, BUILT),
    }


def alert_rules(config: OpsConfig) -> dict[str, list[AlertRule]]:
    """Make the rules of the alerts, by their groups."""
    return {
        name: [
            *_scoped(
                (
                    alert_rule(alert, config, panel_url(config, alert.dashboard, alert.panel))
                    for alert in group
                ),
                config,
            )
        ]
        for name, group in GROUPS.items()
    }


def slo_rules(config: OpsConfig) -> list[AlertRule]:
    """Make the rules of the objectives' alerts."""
    return [*_scoped(slo_alerts(config, lambda uid, key: panel_url(config, uid, key)), config)]


def _scoped(rules: Iterable[R], config: OpsConfig) -> Iterator[R]:
    return (replace(rule, expr=scoped(rule.expr, config.selector)) for rule in rules)
