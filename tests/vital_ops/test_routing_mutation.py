"""Changes of Alertmanager's configuration: each is noticed, or changes no notification of any alert."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
import yaml
from tests.vital_ops.alertmanager_routes import Notification, notifications
from tests.vital_ops.mutation.routing_mutants import routing_mutants
from tests.vital_ops.rules_of_spec import RECEIVERS, SAID
from tests.vital_ops.test_routing import reached

from vital_ops.routing import FIRING, OVER, PANEL, SEVERITY, TEXT, TITLE

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "alertmanager.yml").read_text())

KEY = {"authorization": {"type": "Bearer", "credentials_file": "/run/vital/engine.key"}}

ENGINE = {"url": "http://ai-engine:8000/v1/alerts", "send_resolved": True, "http_config": KEY}

INTEGRATIONS = {
    "webhook": ("webhook_configs", ENGINE),
    "slack": (
        "slack_configs",
        {
            "api_url_file": "/run/vital/slack-webhook-url",
            "send_resolved": True,
            "title": TITLE,
            "title_link": PANEL,
            "text": TEXT,
        },
    ),
    "pagerduty": (
        "pagerduty_configs",
        {
            "routing_key_file": "/run/vital/pagerduty-routing-key",
            "send_resolved": True,
            "description": TITLE,
            "severity": SEVERITY,
            "client": "VITAL",
            "client_url": PANEL,
            "details": {"firing": FIRING, "resolved": OVER},
        },
    ),
    "email": (
        "email_configs",
        {
            "to": "finance@example.com",
            "from": "vital@example.com",
            "smarthost": "mail.example.com:587",
            "require_tls": True,
            "send_resolved": True,
            "headers": {"Subject": TITLE},
            "html": "",
            "text": TEXT,
        },
    ),
}
"""The receivers' configurations, by place; `test_incidents` reads the texts at a real Alertmanager."""

INCIDENT = {"environment", "incident"}

MARKS = {
    "TenantBudget": {"tenant_id", "period", "share"},
    "UsageLimit": {"level", "holder", "unit", "period", "share"},
}

ALERTS = {key: {"alertname": said.name, **said.labels} for key, said in SAID.items()}

OWN = (
    {"alertname": "Own"},
    {"alertname": "Own", "notify": "email-pagerduty-slack", "severity": "critical"},
    {"alertname": "Own", "notify": "pagerduty-slack-email"},
    {"alertname": "Own", "notify": "slackers", "severity": "slack"},
    {"alertname": "TenantBudget", "notify": "pagerduty-slack"},
    {"alertname": "UsageLimit", "notify": "pagerduty"},
    {"alertname": "Watchdog", "notify": "email-pagerduty-slack"},
)
"""Labels of alerts that users write."""


def agreed(labels: dict[str, str]) -> list[Notification]:
    """The notifications of an alert, as they were agreed upon."""
    name = labels["alertname"]
    if name == "Watchdog":
        life_sign = (("webhook_configs", repr(sorted({**ENGINE, "send_resolved": False}.items()))),)
        return [Notification(life_sign, frozenset(INCIDENT), "0s", "1m", "1m", is_muted=False)]
    named = labels.get("notify", "").split("-")
    return [
        Notification(
            places=((INTEGRATIONS[place][0], repr(sorted(INTEGRATIONS[place][1].items()))),),
            group=frozenset(INCIDENT | MARKS.get(name, set())),
            wait="30s",
            interval="1m",
            repeat="31d" if name in MARKS else "4h",
            is_muted=False,
        )
        for place in INTEGRATIONS
        if place == "webhook" or place in named
    ]


PROBES = (*ALERTS.values(), *OWN)


def is_noticed(config: dict) -> bool:
    """Say whether some alert has other notifications than were agreed upon."""
    return any(differ(notifications(config, labels), agreed(labels)) for labels in PROBES)


def differ(some: list[Notification], others: list[Notification]) -> bool:
    """Say whether notifications differ; their order is none of Alertmanager."""
    return Counter(some) != Counter(others)


def random_labels(random: Random) -> dict[str, str]:
    values = {
        "alertname": [labels["alertname"] for labels in PROBES] + ["TenantBudge", "another"],
        "notify": [labels.get("notify", "") for labels in PROBES] + ["slack-", "-email", "another", "engine"],
        "severity": ["critical", "warning", "none", "", "slack", "TenantBudget"],
        "incident": ["HighErrorRate", "EngineDown", ""],
    }
    return {name: random.choice(some) for name, some in values.items()}


def test_the_way_through_the_routes_is_that_of_amtool():
    for labels in (ALERTS["HighErrorRate"], ALERTS["TenantBudgetHalf"], ALERTS["Watchdog"], *OWN):
        found = [kind for each in notifications(CONFIG, labels) for kind, _ in each.places]
        assert sorted(kind.removesuffix("_configs") for kind in found) == reached(labels)


@pytest.mark.parametrize("key", ALERTS)
def test_an_alert_has_the_notifications_that_were_agreed_upon(key):
    assert notifications(CONFIG, ALERTS[key]) == agreed(ALERTS[key])
    if key in RECEIVERS:
        assert len(notifications(CONFIG, ALERTS[key])) == len(RECEIVERS[key]) + 1


def test_every_change_is_noticed_or_changes_no_notification():
    every = [*routing_mutants(CONFIG)]
    passed = [mutant for mutant in every if not is_noticed(mutant.config)]
    random = Random(1)
    some = [random_labels(random) for _ in range(300)]
    survivors = [
        mutant.what
        for mutant in passed
        if any(differ(notifications(mutant.config, labels), notifications(CONFIG, labels)) for labels in some)
    ]
    assert len(every) > 400
    assert survivors == []
    assert len(passed) < 0.1 * len(every), [mutant.what for mutant in passed]
