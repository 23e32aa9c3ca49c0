"""Alertmanager's routing: each alert reaches exactly whom it should."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.vital_ops.rules_of_spec import CRITICAL, RECEIVERS

from vital_ops.build import CONTAINERS
from vital_ops.destinations import Destinations
from vital_ops.routing import QUICK, routing
from vital_ops.rules.files import rule_files
from vital_ops.stack.alertmanager import alertmanager
from vital_ops.stack.programs import AMTOOL, find_program

ROOT = Path(__file__).parents[2]


def amtool(*arguments: str | Path) -> str:
    return subprocess.run(
        [find_program(AMTOOL), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def labels_of(name: str) -> dict[str, str]:
    """The labels with which Prometheus sends an alert."""
    groups = [group for text in rule_files().values() for group in yaml.safe_load(text)["groups"]]
    rule = next(rule for group in groups for rule in group["rules"] if rule.get("alert") == name)
    return {"alertname": name, **rule["labels"]}


def behind(receiver: str) -> list[str]:
    """The places behind a receiver."""
    receivers = yaml.safe_load((ROOT / "alertmanager.yml").read_text())["receivers"]
    (found,) = [each for each in receivers if each["name"] == receiver]
    return [kind.removesuffix("_configs") for kind in found if kind != "name"]


def reached(labels: dict[str, str]) -> list[str]:
    """The places that an alert with these labels comes to, each as often as it does."""
    arguments = [f"{name}={value}" for name, value in labels.items()]
    file = ROOT / "alertmanager.yml"
    receivers = amtool("config", "routes", "test", f"--config.file={file}", *arguments)
    return sorted(place for receiver in receivers.split(",") for place in behind(receiver))


@pytest.mark.parametrize("alert", RECEIVERS)
def test_an_alert_reaches_exactly_the_receivers_of_the_table_and_the_engine(alert):
    labels = labels_of(alert)
    assert reached(labels) == sorted(RECEIVERS[alert] | {"webhook"})
    assert (labels["severity"] == "critical") == (alert in CRITICAL)


def test_the_watchdog_reaches_the_engine_alone_where_there_is_no_dead_mans_switch():
    assert reached(labels_of("Watchdog")) == ["webhook"]
    assert behind("Watchdog") == ["webhook"]


@pytest.mark.parametrize(
    ("notify", "places"),
    [
        ("slack", {"slack"}),
        ("email-pagerduty-slack", {"slack", "pagerduty", "email"}),
        ("engine", set()),
        ("slackers", set()),
        ("", set()),
    ],
)
def test_an_alert_of_ones_own_reaches_the_receivers_that_its_label_names(notify, places):
    labels = {"alertname": "Own"} | ({"notify": notify} if notify else {})
    assert reached(labels) == sorted(places | {"webhook"})


def test_the_watchdog_is_posted_to_the_dead_mans_switch_and_its_end_is_not(tmp_path):
    address = "https://hc-ping.com/secret"
    to = Destinations(engine_url="http://127.0.0.1:8000/v1/alerts", switch_url=address)
    read = yaml.safe_load(routing(to))
    (receiver,) = [each for each in read["receivers"] if each["name"] == "Watchdog"]
    engine, switch = receiver["webhook_configs"]
    assert switch == {"url": address, "send_resolved": False}
    assert (engine["url"], engine["send_resolved"]) == ("http://127.0.0.1:8000/v1/alerts", False)
    assert [each for each in read["receivers"] if "hc-ping" in str(each)] == [receiver]
    configuration = tmp_path / "alertmanager.yml"
    configuration.write_text(routing(to))
    assert "SUCCESS" in amtool("check-config", configuration)


@pytest.mark.parametrize(
    ("alert", "labels"),
    [
        ("TenantBudget", {"tenant_id", "period", "share"}),
        ("UsageLimit", {"level", "holder", "unit", "period", "share"}),
    ],
)
def test_a_mark_of_a_budget_or_limit_is_notified_once_in_its_period(alert, labels):
    routes = yaml.safe_load((ROOT / "alertmanager.yml").read_text())["route"]["routes"]
    for place in ("engine", "slack", "pagerduty", "email"):
        (below,) = [route["routes"] for route in routes if route["receiver"] == place]
        (route,) = [each for each in below if f'alertname="{alert}"' in each["matchers"]]
        assert route["repeat_interval"] == "31d"
        assert set(route["group_by"]) == labels | {"environment", "incident"}
    forgets = next(
        each for each in alertmanager(Path(), "", Path(), "http://am").command if "retention" in str(each)
    )
    assert forgets in (ROOT / "docker-compose.yml").read_text()
    assert int(re.search(r"=(\d+)h", forgets)[1]) > 31 * 24


@pytest.mark.parametrize("pace", [QUICK, None])
def test_amtool_and_amlint_find_nothing_wrong(tmp_path, pace):
    nobody = Destinations(engine_url="http://127.0.0.1:8000/v1/alerts")
    texts = [(ROOT / "alertmanager.yml").read_text()]
    texts += [routing(to, pace) if pace else routing(to) for to in (CONTAINERS, nobody)]
    for text in texts:
        file = tmp_path / "alertmanager.yml"
        file.write_text(text)
        assert "SUCCESS" in amtool("check-config", file)
        linted = subprocess.run(
            [Path(sys.executable).with_name("amlint"), "check", file],
            capture_output=True,
            text=True,
            check=False,
        )
        assert linted.returncode == 0, linted.stdout


def test_no_secret_stands_in_the_configuration():
    text = (ROOT / "alertmanager.yml").read_text()
    for secret in ("api_url:", "routing_key:", "auth_password:", "credentials:"):
        assert secret not in text


def test_what_is_not_configured_gets_nothing():
    text = routing(Destinations(engine_url="http://127.0.0.1:8000/v1/alerts"))
    kinds = {kind for each in yaml.safe_load(text)["receivers"] for kind in each if kind != "name"}
    assert kinds == {"webhook_configs"}
