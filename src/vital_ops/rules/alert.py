"""What an alert is, whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vital_ops.config import OpsConfig, Threshold
from vital_ops.rules.rule import AlertRule

__all__ = ["NOTIFY", "Alert", "Receiver", "Severity", "Team", "labelled"]

Receiver: TypeAlias = Literal["slack", "pagerduty", "email"]
Severity: TypeAlias = Literal["critical", "warning", "none"]
Team: TypeAlias = Literal["platform", "performance", "finance", "quality"]

NOTIFY: Final = "notify"
"""The label that says who is told: receivers with ``-`` between them. The engine is told of everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, but for its numbers."""

    name: str
    group: str
    """The rule group that it is evaluated in, without ``vital-``."""
    severity: Severity
    team: Team
    receivers: tuple[Receiver, ...]
    summary: str
    """One sentence, with the value in it."""
    description: str
    """What it means, with ``{value}`` and the other numbers of its threshold."""
    dashboard: str
    """The uid of the dashboard that shows it."""
    panel: str
    """The key of the panel that shows it."""
    condition: Callable[[Threshold], str]

    def rule(self, config: OpsConfig, panel_url: str) -> AlertRule:
        """Make the rule that watches for it.

        :param panel_url: the address of its panel.
        """
        threshold = config.thresholds[self.name]
        return AlertRule(
            name=self.name,
            expr=self.condition(threshold),
            hold=threshold.hold,
            labels=labelled(config, self.severity, self.team, self.receivers),
            annotations={
                "summary": self.summary,
                "description": self.description,
                "runbook_url": config.runbook(self.name),
                "dashboard_url": panel_url,
            },
        )


def labelled(
    config: OpsConfig, severity: Severity, team: Team, receivers: tuple[Receiver, ...]
) -> dict[str, str]:
    """Make the labels that every alert has."""
    environment = {"environment": config.environment} if config.environment else {}
    return {"severity": severity, "team": team, NOTIFY: "-".join(receivers) or "engine"} | environment
