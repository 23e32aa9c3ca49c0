"""Alertmanager's configuration: each alert to whom its label ``notify`` names, and all to the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from vital_ops.destinations import Destinations
from vital_ops.rules.alert_rule import NOTIFY
from vital_ops.rules.groups import EVERY_ALERT
from vital_ops.rules.recording import LIMIT_LABELS
from vital_ops.rules.reliability import TENANT_BUDGET, USAGE_LIMIT
from vital_ops.rules.rule import write_yaml
from vital_ops.rules.slos import SPEEDS, WATCHDOG

__all__ = ["CALM", "QUICK", "Pace", "routing"]

ENGINE: Final = "engine"
"""The receiver that only the engine is behind: of alerts that name nobody."""

TITLE: Final = (
    "[{{ .Status | toUpper }}]{{ with .CommonLabels.environment }} {{ . }}{{ end }} "
    "{{ range $number, $alert := .Alerts }}{{ if $number }}, {{ end }}{{ $alert.Labels.alertname }}"
    "{{ with $alert.Labels.tenant_id }} ({{ . }}){{ end }}{{ end }}: "
    '{{ if eq .Status "firing" }}{{ (index .Alerts.Firing 0).Annotations.summary }}'
    '{{ else }}over since {{ (index .Alerts 0).EndsAt.UTC.Format "15:04" }} UTC{{ end }}'
)
FIRING: Final = (
    "{{ range .Alerts.Firing }}{{ .Labels.alertname }}: {{ .Annotations.summary }}.\n"
    "{{ .Annotations.description }}\n"
    "{{ with .Annotations.contributors }}Most by: {{ . }}\n{{ end }}"
    "{{ with .Labels.environment }}Environment: {{ . }}\n{{ end }}"
    "What to do: {{ .Annotations.runbook_url }}\nPanel: {{ .Annotations.dashboard_url }}\n{{ end }}"
)
OVER: Final = (
    "{{ range .Alerts.Resolved }}{{ .Labels.alertname }} is over: it lasted from "
    '{{ .StartsAt.UTC.Format "15:04" }} to {{ .EndsAt.UTC.Format "15:04" }} UTC.\n'
    "Panel: {{ .Annotations.dashboard_url }}\n{{ end }}"
)
TEXT: Final = FIRING + OVER
"""A message that is over repeats no value: the last one was that of the fault."""


INCIDENT: Final = ["environment", "incident", "tenant_id"]
"""The labels that alerts of one incident have in common: they are one notification."""

MARKS: Final = {TENANT_BUDGET: ("period",), USAGE_LIMIT: LIMIT_LABELS}
"""The alerts on shares of budgets and limits, with the labels of each beside those of an incident."""

BUDGET_REPEAT_INTERVAL: Final = "31d"
"""A budget's or a limit's mark is notified once in its period, which is a month at most."""


PANEL: Final = "{{ (index .Alerts 0).Annotations.dashboard_url }}"


class Pace(NamedTuple):
    """Alertmanager's intervals."""

    group_wait: str
    """The wait for more alerts of the same incident, before the first notification."""
    group_interval: str
    """The wait before a change is notified."""
    repeat_interval: str
    """The wait before the notification of an alert that goes on is repeated."""
    watchdog_interval: str
    """Between life signs of the watchdog."""


CALM: Final = Pace("30s", "1m", "4h", "1m")
QUICK: Final = Pace("200ms", "500ms", "1h", "1s")
"""The intervals in a drill."""


def routing(to: Destinations, pace: Pace = CALM) -> str:
    """Write the configuration.

    What is not configured gets nothing; the engine gets everything. Of secrets, the address of a dead man's
    switch stands in it.
    """
    notify = sorted({"-".join(receivers) for receivers in _receivers()})
    routes = [{"receiver": name, "matchers": [f'{NOTIFY}="{name}"']} for name in notify]
    watchdog = {
        "receiver": WATCHDOG,
        "matchers": [f'alertname="{WATCHDOG}"'],
        "group_wait": "0s",
        "group_interval": pace.watchdog_interval,
        "repeat_interval": pace.watchdog_interval,
    }
    configuration = {
        "route": {
            "receiver": ENGINE,
            "group_by": INCIDENT,
            "group_wait": pace.group_wait,
            "group_interval": pace.group_interval,
            "repeat_interval": pace.repeat_interval,
            "routes": [watchdog, *(_spending(name, by) for name, by in MARKS.items()), *routes],
        },
        "receivers": [
            *({"name": name} | _behind(name.split("-"), to) for name in (ENGINE, *notify)),
            {"name": WATCHDOG, "webhook_configs": _life_signs(to)},
        ],
    }
    return write_yaml(configuration, "Built by VITAL: the receivers of each alert. Secrets are in files.")


def _spending(name: str, labels: Sequence[str]) -> dict[str, Any]:
    """Make the route of budgets or limits: each mark of each period is an incident of its own."""
    alert = next(alert for alert in EVERY_ALERT if alert.name == name)
    return {
        "receiver": "-".join(alert.receivers),
        "matchers": [f'alertname="{name}"'],
        "group_by": [*INCIDENT, *labels, "share"],
        "repeat_interval": BUDGET_REPEAT_INTERVAL,
    }


def _receivers() -> Iterator[Iterable[str]]:
    for alert in EVERY_ALERT:
        yield alert.receivers
    for speed in SPEEDS:
        yield speed.receivers


def _behind(names: Iterable[str], to: Destinations) -> dict[str, Any]:
    """List what is behind a receiver: the engine, and of what it names that which is configured."""
    found: dict[str, Any] = {"webhook_configs": [_engine(to, send_resolved=True)]}
    if "slack" in names and to.slack_url_file is not None:
        found["slack_configs"] = [_slack(to)]
    if "pagerduty" in names and to.pagerduty_key_file is not None:
        found["pagerduty_configs"] = [_pagerduty(to)]
    if "email" in names and to.mail is not None:
        found["email_configs"] = [_email(to)]
    return found


def _engine(to: Destinations, *, send_resolved: bool) -> dict[str, Any]:
    webhook: dict[str, Any] = {"url": to.engine_url, "send_resolved": send_resolved}
    if to.engine_key_file is not None:
        credentials = {"type": "Bearer", "credentials_file": str(to.engine_key_file)}
        webhook["http_config"] = {"authorization": credentials}
    return webhook


def _life_signs(to: Destinations) -> list[dict[str, Any]]:
    """Send the watchdog to the engine and to the dead man's switch; its end is no life sign."""
    found = [_engine(to, send_resolved=False)]
    if to.switch_url is not None:
        found.append({"url": to.switch_url, "send_resolved": False})
    return found


def _slack(to: Destinations) -> dict[str, Any]:
    return {
        "api_url_file": str(to.slack_url_file),
        "send_resolved": True,
        "title": TITLE,
        "title_link": PANEL,
        "text": TEXT,
    }


def _pagerduty(to: Destinations) -> dict[str, Any]:
    found = {
        "routing_key_file": str(to.pagerduty_key_file),
        "send_resolved": True,
        "description": TITLE,
        "severity": '{{ if eq .CommonLabels.severity "critical" }}critical{{ else }}warning{{ end }}',
        "client": "VITAL",
        "client_url": PANEL,
        "details": {"firing": FIRING, "resolved": OVER},
    }
    return found | ({"url": to.pagerduty_url} if to.pagerduty_url else {})


def _email(to: Destinations) -> dict[str, Any]:
    mail = to.mail
    assert mail is not None  # noqa: S101 - the caller has looked
    found: dict[str, Any] = {
        "to": mail.recipient,
        "from": mail.sender,
        "smarthost": mail.smarthost,
        "require_tls": mail.require_tls,
        "send_resolved": True,
        "headers": {"Subject": TITLE},
        "html": "",
        "text": TEXT,
    }
    if mail.username:
        found["auth_username"] = mail.username
    if mail.password_file is not None:
        found["auth_password_file"] = str(mail.password_file)
    return found
