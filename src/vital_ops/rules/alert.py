"""What an alert is, whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vital_ops.rules.rule import AlertRule
from vital_ops.thresholds import Threshold

__all__ = ["NOTIFY", "Alert", "Receiver", "Severity", "Team", "labelled"]

Receiver: TypeAlias = Literal["slack", "pagerduty", "email"]
Severity: TypeAlias = Literal["critical", "warning", "none"]
Team: TypeAlias = Literal["platform", "performance", "finance", "quality"]

NOTIFY: Final = "notify"
"""The label that says who is told: receivers with ``-`` between them. The engine is told of everything."""

RUNBOOKS: Final = "docs/runbooks"
"""A page for each alert, in the repository."""

GRAFANA: Final = "http://127.0.0.1:3000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, but for its numbers."""

    name: str
    severity: Severity
    team: Team
    receivers: tuple[Receiver, ...]
    summary: str
    """One sentence, with the value in it."""
    description: str
    """What it means, with ``{value}`` and the other numbers of its threshold."""
    dashboard: str
    """The uid of the dashboard that shows it."""
    panel: int
    """The number of the panel that shows it."""
    condition: Callable[[Threshold], str]

    def rule(self, threshold: Threshold) -> AlertRule:
        """Make the rule that watches for it."""
        return AlertRule(
            name=self.name,
            expr=self.condition(threshold),
            hold=threshold.hold,
            labels=labelled(self.severity, self.team, self.receivers),
            annotations={
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}/{self.name}.md",
                "dashboard_url": f"{GRAFANA}/d/{self.dashboard}?viewPanel={self.panel}",
            },
        )


def labelled(severity: Severity, team: Team, receivers: tuple[Receiver, ...]) -> dict[str, str]:
    """Make the labels that every alert has."""
    return {"severity": severity, "team": team, NOTIFY: "-".join(receivers) or "engine"}
