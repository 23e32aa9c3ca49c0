"""The definition of an alert, the same for all its watchers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from vital_ops.config import OpsConfig, Threshold
from vital_ops.durations import write_seconds
from vital_ops.promql import scoped
from vital_ops.rules.outage import last_value, through_outages
from vital_ops.rules.rule import AlertRule

__all__ = [
    "MAX_SETTLING_SECONDS",
    "NOTIFY",
    "THE_TENANT",
    "AlertSpec",
    "Contributors",
    "Receiver",
    "Severity",
    "Team",
    "Unit",
    "labelled",
    "messages",
]

Receiver: TypeAlias = Literal["slack", "pagerduty", "email"]
Severity: TypeAlias = Literal["critical", "warning", "none"]
Team: TypeAlias = Literal["platform", "performance", "finance", "quality"]
Unit: TypeAlias = Literal["share", "seconds", "dollars", "dollars an hour", "a second", "number"]

NOTIFY: Final = "notify"
"""The label that names the receivers, with ``-`` between them. The engine receives every alert."""

MAX_SETTLING_SECONDS: Final = 900.0
"""The longest time that an alert keeps its state after an outage: a window of a day is not waited for."""

TOP_CONTRIBUTORS: Final = 3
"""Contributors that a message names."""

THE_TENANT: Final = "$labels.tenant_id"
"""The tenant of the alert, as a value of a label, in the query of contributors."""

_FORMATS: Final[dict[Unit, str]] = {
    "share": "{{ %s | humanizePercentage }}",
    "seconds": "{{ %s | humanizeDuration }}",
    "dollars": '${{ %s | printf "%%.2f" }}',
    "dollars an hour": '${{ %s | printf "%%.2f" }} an hour',
    "a second": "{{ %s | humanize }} a second",
    "number": "{{ %s | humanize }}",
}


class Contributors(NamedTuple):
    """The contributors to an alert's value, the largest first."""

    label: str
    """The label that names them, such as ``tenant_id``."""
    query: Callable[[Threshold], str]
    """The contribution of each, by that label."""
    unit: Unit = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSpec:
    """One alert, but for its numbers."""

    name: str
    group: str
    """The rule group that it is evaluated in, without ``vital-``."""
    severity: Severity
    team: Team
    receivers: tuple[Receiver, ...]
    summary: str
    """One sentence, with the value as ``{value}`` and the threshold as ``{limit}``."""
    description: str
    """The meaning of the alert."""
    dashboard: str
    """The uid of the dashboard that shows it."""
    panel: str
    """The key of the panel that shows it."""
    unit: Unit
    condition: Callable[[Threshold], str]
    """The expression that fires."""
    shown: str | None
    """The recorded series that has its value; None: the alert does not depend on an engine that is up."""
    labels: tuple[str, ...] = ()
    """The labels of its value."""
    is_lack: bool = False
    """Whether an outage looks like its condition; see `through_outages`."""
    contributors: Contributors | None = None
    own: tuple[tuple[str, str], ...] = ()
    """Labels that distinguish it from other alerts of its name; ``{percent}`` is its threshold."""
    row: str = ""
    """The name of its row in the configuration; empty: the alert's name."""

    @property
    def key(self) -> str:
        """The name of its row in the configuration, which no other alert has."""
        return self.row or self.name

    def rule(self, config: OpsConfig, panel_url: str) -> AlertRule:
        """Make the rule that watches for it.

        :param panel_url: the address of its panel.
        """
        threshold = config.threshold(self.key)
        return AlertRule(
            name=self.name,
            expr=self._expr(config, threshold),
            hold=threshold.hold,
            labels=labelled(config, self.name, self.severity, self.team, self.receivers)
            | self._own(threshold),
            annotations=messages(
                self.summary.format(
                    value=_FORMATS[self.unit] % "$value", limit=_FORMATS[self.unit] % f"{threshold.value:g}"
                ),
                self.description,
                runbook_url=config.runbook(self.name),
                panel_url=panel_url,
            )
            | self._named(config, threshold),
        )

    def _expr(self, config: OpsConfig, threshold: Threshold) -> str:
        condition = self.condition(threshold)
        if self.shown is None:
            return condition
        environment = {"environment": config.environment} if config.environment else {}
        known = {"alertname": self.name} | environment | self._own(threshold)
        window = write_seconds(min(threshold.window, MAX_SETTLING_SECONDS))
        return through_outages(
            condition, last_value(self.shown), known, self.labels, window, is_lack=self.is_lack
        )

    def _own(self, threshold: Threshold) -> dict[str, str]:
        return {label: text.format(percent=f"{threshold.value * 100:g}") for label, text in self.own}

    def _named(self, config: OpsConfig, threshold: Threshold) -> dict[str, str]:
        if self.contributors is None:
            return {}
        label, query, unit = self.contributors
        each = f"{{{{ .Labels.{label} }}}} ({_FORMATS[unit] % '.Value'})"
        asked = scoped(f"sort_desc(topk({TOP_CONTRIBUTORS}, ({query(threshold)}) > 0))", config.selector)
        return {"contributors": f"{{{{ range query {_quoted(asked)} }}}}{each} {{{{ end }}}}"}


def _quoted(query: str) -> str:
    """Write a query as a text of Prometheus' templates, with the alert's tenant filled in."""
    tenant = f'=~"{THE_TENANT}"'
    if tenant not in query:
        return f"`{query}`"
    return f"(printf `{query.replace(tenant, '=%[1]q')}` {THE_TENANT})"


def labelled(
    config: OpsConfig, incident: str, severity: Severity, team: Team, receivers: tuple[Receiver, ...]
) -> dict[str, str]:
    """Make the labels that every alert has.

    :param incident: alerts of one incident are one notification.
    """
    environment = {"environment": config.environment} if config.environment else {}
    notify = "-".join(receivers) or "engine"
    return {"severity": severity, "team": team, "incident": incident, NOTIFY: notify} | environment


def messages(summary: str, description: str, *, runbook_url: str, panel_url: str) -> dict[str, str]:
    """Make the annotations that every alert has."""
    return {
        "summary": summary,
        "description": description,
        "runbook_url": runbook_url,
        "dashboard_url": panel_url,
    }
