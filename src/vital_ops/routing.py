"""Alertmanager's configuration: each alert to whom its label ``notify`` names, and all to the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from vital_ops.destinations import Destinations
from vital_ops.rules.alert import Receiver
from vital_ops.rules.alert_rule import NOTIFY
from vital_ops.rules.recording import LIMIT_LABELS
from vital_ops.rules.reliability import TENANT_BUDGET, USAGE_LIMIT
from vital_ops.rules.rule import write_yaml
from vital_ops.rules.slos import WATCHDOG

__all__ = ["CALM", "INCIDENT", "QUICK", "Pace", "routing"]

ENGINE: Final = "engine"
"""The receiver that only the engine is behind; it gets all alerts."""

PLACES: Final[tuple[Receiver, ...]] = ("slack", "pagerduty", "email")
"""The other receivers. Each has a route of its own, so that an incident is one notification at each of them,
whichever other receivers its alerts have."""

MAX_LISTED_ALERTS: Final = 10
"""Alerts that a notification lists; of others it has the number. A fault can be that of each tenant."""


def _named(alerts: str) -> str:
    """Write a template of the names of alerts."""
    name = (
        "{{ if $number }}, {{ end }}{{ $alert.Labels.alertname }}"
        "{{ with $alert.Labels.tenant_id }} ({{ . }}){{ end }}"
    )
    return _listed(alerts, name, " and others")


def _listed(alerts: str, text: str, rest: str) -> str:
    """Write a template that says something of each of the first alerts, which is ``$alert``.

    :param rest: the text after it, where there are more alerts than it lists.
    """
    first = "{{ if lt $number " + f"{MAX_LISTED_ALERTS} }}}}{text}" + "{{ end }}"
    each = "{{ range $number, $alert := " + f"{alerts} }}}}{first}" + "{{ end }}"
    return each + "{{ if gt (len " + f"{alerts}) {MAX_LISTED_ALERTS} }}}}{rest}" + "{{ end }}"


TITLE: Final = (
    "[{{ .Status | toUpper }}]{{ with .CommonLabels.environment }} {{ . }}{{ end }} "
    f'{{{{ if eq .Status "firing" }}}}{_named(".Alerts.Firing")}: '
    "{{ (index .Alerts.Firing 0).Annotations.summary }}"
    f"{{{{ else }}}}{_named('.Alerts')}: over since "
    '{{ (index .Alerts 0).EndsAt.UTC.Format "15:04" }} UTC{{ end }}'
)
FIRING: Final = _listed(
    ".Alerts.Firing",
    "{{ .Labels.alertname }}: {{ .Annotations.summary }}.\n"
    "{{ .Annotations.description }}\n"
    "{{ with .Annotations.contributors }}Most by: {{ . }}\n{{ end }}"
    "{{ with .Labels.environment }}Environment: {{ . }}\n{{ end }}"
    "What to do: {{ .Annotations.runbook_url }}\nPanel: {{ .Annotations.dashboard_url }}\n",
    f"{MAX_LISTED_ALERTS} of the {{{{ len .Alerts.Firing }}}} alerts that fire are listed.\n",
)
OVER: Final = _listed(
    ".Alerts.Resolved",
    "{{ .Labels.alertname }}{{ with .Labels.tenant_id }} ({{ . }}){{ end }} is over: it lasted from "
    '{{ .StartsAt.UTC.Format "15:04" }} to {{ .EndsAt.UTC.Format "15:04" }} UTC.\n'
    "Panel: {{ .Annotations.dashboard_url }}\n",
    f"{MAX_LISTED_ALERTS} of the {{{{ len .Alerts.Resolved }}}} alerts that are over are listed.\n",
)
TEXT: Final = FIRING + OVER
"""A message that is over repeats no value: the last one was that of the fault."""

SEVERITY: Final = (
    '{{ $severity := "warning" }}{{ range .Alerts }}{{ if eq .Labels.severity "critical" }}'
    '{{ $severity = "critical" }}{{ end }}{{ end }}{{ $severity }}'
)
"""The severity of an incident: that of its gravest alert."""

INCIDENT: Final = ["environment", "incident"]
"""The labels that alerts of one incident have in common: they are one notification."""

MARKS: Final = {TENANT_BUDGET: ("tenant_id", "period"), USAGE_LIMIT: LIMIT_LABELS}
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


def routing(to: Destinations, pace: Pace = CALM, *, group_by: Sequence[str] = INCIDENT) -> str:
    """Write the configuration.

    What is not configured gets nothing; the engine gets everything. Of secrets, the address of a dead man's
    switch stands in it.

    :param group_by: the labels that alerts of one notification have in common.
    """
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
            "group_by": [*group_by],
            "group_wait": pace.group_wait,
            "group_interval": pace.group_interval,
            "repeat_interval": pace.repeat_interval,
            "routes": [watchdog, *(_route(name, group_by) for name in (ENGINE, *PLACES))],
        },
        "receivers": [
            {"name": ENGINE, "webhook_configs": [_engine(to, send_resolved=True)]},
            *({"name": place} | _behind(place, to) for place in PLACES),
            {"name": WATCHDOG, "webhook_configs": _life_signs(to)},
        ],
    }
    return write_yaml(configuration, "Built by VITAL: the receivers of each alert. Secrets are in files.")


def _route(receiver: str, group_by: Sequence[str]) -> dict[str, Any]:
    """Make the route to a receiver; the next routes, if there are any, are tried too."""
    is_named = {} if receiver == ENGINE else {"matchers": [f'{NOTIFY}=~"(.+-)?{receiver}(-.+)?"']}
    goes_on = {} if receiver == PLACES[-1] else {"continue": True}
    marks = [_spending(name, [*group_by, *labels]) for name, labels in MARKS.items()]
    return {"receiver": receiver, **is_named, **goes_on, "routes": marks}


def _spending(name: str, labels: Sequence[str]) -> dict[str, Any]:
    """Make the route of budgets or limits: each mark of each period is an incident of its own."""
    return {
        "matchers": [f'alertname="{name}"'],
        "group_by": [*labels, "share"],
        "repeat_interval": BUDGET_REPEAT_INTERVAL,
    }


def _behind(place: Receiver, to: Destinations) -> dict[str, Any]:
    """Write what is behind a receiver: nothing, where it is not configured."""
    if place == "slack" and to.slack_url_file is not None:
        return {"slack_configs": [_slack(to)]}
    if place == "pagerduty" and to.pagerduty_key_file is not None:
        return {"pagerduty_configs": [_pagerduty(to)]}
    if place == "email" and to.mail is not None:
        return {"email_configs": [_email(to)]}
    return {}


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
        "severity": SEVERITY,
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
