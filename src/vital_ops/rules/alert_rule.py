"""The rule of Prometheus that an alert's definition becomes."""

from __future__ import annotations

import re
from typing import Final

from vital_ops.config import OpsConfig
from vital_ops.durations import spell_seconds, write_seconds
from vital_ops.promql import scoped, write_number
from vital_ops.rules.alert import AlertSpec, Contributors, Receiver, Severity, Team, Unit
from vital_ops.rules.incidents import incident_of
from vital_ops.rules.outage import MAX_SETTLING_SECONDS, last_value, through_outages
from vital_ops.rules.rule import AlertRule
from vital_ops.thresholds import Threshold

__all__ = ["NOTIFY", "alert_rule", "labelled", "message_numbers", "messages", "named_contributors"]

NOTIFY: Final = "notify"
"""The label that names the receivers, with ``-`` between them. The engine receives every alert."""

TOP_CONTRIBUTORS: Final = 3
"""Contributors that a message names."""

_OF_THE_ALERT: Final = re.compile(r'=~"(\$labels\.\w+)"')
"""The condition that a label is the alert's own, as a selector has it."""

_FORMATS: Final[dict[Unit, str]] = {
    "share": "{{ %s | humanizePercentage }}",
    "seconds": "{{ %s | humanizeDuration }}",
    "dollars": '${{ %s | printf "%%.2f" }}',
    "dollars an hour": '${{ %s | printf "%%.2f" }} an hour',
    "a second": "{{ %s | humanize }} a second",
    "number": "{{ %s | humanize }}",
}


def alert_rule(alert: AlertSpec, config: OpsConfig, panel_url: str) -> AlertRule:
    """Make the rule that watches for an alert.

    :param panel_url: the address of its panel.
    """
    at = config.threshold(alert.key)
    summary = alert.summary.format(**message_numbers(alert.unit, at))
    said = messages(summary, alert.description, runbook_url=config.runbook(alert.name), panel_url=panel_url)
    known = labelled(config, alert.name, alert.severity, alert.team, alert.receivers)
    more = {} if alert.contributors is None else named_contributors(alert.contributors, config, at)
    return AlertRule(
        name=alert.name,
        expr=_expr(alert, config, at),
        hold=at.hold,
        labels=known | _own(alert, at),
        annotations=said | more,
    )


def message_numbers(unit: Unit, at: Threshold) -> dict[str, str]:
    """Write the numbers that a message can have, from the configuration.

    :return: the value and the limit in the alert's unit; the limit as a percentage and as a factor; the
        window in words; the least spending.
    """
    return {
        "value": _FORMATS[unit] % "$value",
        "limit": _FORMATS[unit] % write_number(at.value),
        "percent": write_number(at.value * 100),
        "times": write_number(at.value),
        "window": spell_seconds(at.window),
        "floor": f"${write_number(at.least_dollars_per_hour)}",
    }


def _expr(alert: AlertSpec, config: OpsConfig, at: Threshold) -> str:
    condition = alert.condition(at)
    if alert.shown is None:
        return condition
    environment = {"environment": config.environment} if config.environment else {}
    known = {"alertname": alert.name} | environment | _own(alert, at)
    window = write_seconds(min(at.window, MAX_SETTLING_SECONDS))
    shown = last_value(alert.shown)
    return through_outages(condition, shown, known, alert.labels, window, is_lack=alert.is_lack)


def _own(alert: AlertSpec, at: Threshold) -> dict[str, str]:
    return {label: text.format(percent=write_number(at.value * 100)) for label, text in alert.own}


def named_contributors(contributors: Contributors, config: OpsConfig, at: Threshold) -> dict[str, str]:
    """Make the annotation that names the contributors that are largest when the message is written."""
    label, query, unit = contributors
    each = f"{{{{ .Labels.{label} }}}} ({_FORMATS[unit] % '.Value'})"
    asked = scoped(f"sort_desc(topk({TOP_CONTRIBUTORS}, ({query(at)}) > 0))", config.selector)
    return {"contributors": f"{{{{ range query {_quoted(asked)} }}}}{each} {{{{ end }}}}"}


def _quoted(query: str) -> str:
    """Write a query as a text of Prometheus' templates, with the alert's tenant or tier filled in."""
    named = _OF_THE_ALERT.search(query)
    if named is None:
        return f"`{query}`"
    return f"(printf `{query.replace(named[0], '=%[1]q')}` {named[1]})"


def labelled(
    config: OpsConfig, alert: str, severity: Severity, team: Team, receivers: tuple[Receiver, ...]
) -> dict[str, str]:
    """Make the labels that every alert has, by its name."""
    environment = {"environment": config.environment} if config.environment else {}
    notify = "-".join(receivers) or "engine"
    known = {"severity": severity, "team": team, "incident": incident_of(alert), NOTIFY: notify}
    return known | environment


def messages(summary: str, description: str, *, runbook_url: str, panel_url: str) -> dict[str, str]:
    """Make the annotations that every alert has."""
    return {
        "summary": summary,
        "description": description,
        "runbook_url": runbook_url,
        "dashboard_url": panel_url,
    }
