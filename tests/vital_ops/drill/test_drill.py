"""The fire drill: each alert fires for its fault, comes to its receivers and to nobody else, and ends."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE

import pytest
from tests.vital_ops.rules_of_spec import RECEIVERS

from vital_cli.drill_run import run_drill
from vital_ops.drill.faults import FAULTS
from vital_ops.drill.outage import ENGINE_DOWN, PAGE_SECONDS
from vital_ops.drill.scaled_rules import receivers_of_alerts
from vital_ops.receivers.stand_ins import stand_ins
from vital_ops.rules.groups import EVERY_ALERT
from vital_shared.errors import InvalidRequest

pytestmark = pytest.mark.long

DRILLED = {alert: RECEIVERS[alert] for alert in receivers_of_alerts()}


async def command(*arguments: str, **environment: str) -> tuple[int, bytes, bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VITAL_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vital_cli",
        "drill",
        *arguments,
        env=inherited | environment,
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out, err


def alerts_of(*, alone: bool) -> set[str]:
    return {alert for fault in FAULTS if fault.is_alone == alone for alert in fault.alerts}


@pytest.mark.thorough
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "alone",
    [
        pytest.param(False, id="at once"),
        pytest.param(True, id="alone"),
    ],
)
def test_all_fire_come_to_the_right_receivers_and_end(alone):
    drilled = {alert: DRILLED[alert] for alert in DRILLED if alert in alerts_of(alone=alone)}
    journeys = run_drill([*drilled], live=False)
    assert [journey.failure for journey in journeys] == [None] * len(drilled)
    assert {each.alert: set(each.receivers) for each in journeys} == {
        alert: receivers | {"engine"} for alert, receivers in drilled.items()
    }
    for each in journeys:
        assert each.pending <= each.firing <= min(each.delivered.values())
        assert each.receivers == each.delivered.keys() == each.resolved.keys()
        assert all(each.resolved[receiver] > each.delivered[receiver] for receiver in each.receivers)


@pytest.mark.timeout(400)
def test_an_engine_that_is_killed_pages_and_every_incident_ends_in_the_right_state():
    """Outages of 1, 10 and 60 minutes, scaled, with a fault that is gone afterwards and faults that are not."""
    (journey,) = run_drill([ENGINE_DOWN], live=False)
    assert journey.failure is None
    assert journey.delivered.keys() == journey.resolved.keys() == DRILLED[ENGINE_DOWN]
    assert all(page - journey.pending <= PAGE_SECONDS for page in journey.delivered.values())


@pytest.mark.parametrize("alert", [ENGINE_DOWN, "NotificationsFailing"])
def test_a_live_drill_of_what_needs_stand_ins_is_refused(monkeypatch, alert):
    monkeypatch.setenv("VITAL_SLACK_WEBHOOK_URL", "https://hooks.slack.example/services/T/B/X")
    with pytest.raises(InvalidRequest, match="Leave out --live"):
        run_drill([alert], live=True)


async def test_a_live_drill_notifies_those_that_the_environment_names():
    async with stand_ins() as stands:
        code, out, err = await command(
            "HighErrorRate", "--live", "--json", VITAL_SLACK_WEBHOOK_URL=stands.slack_url
        )
        assert code == 0, err.decode()
        (journey,) = json.loads(out)
        assert sorted(journey["resolved"]) == ["engine", "slack"]
        titles = [
            (each.place, each.status) for each in stands.inbox.deliveries if "HighErrorRate" in each.title
        ]
        firing, over = (
            each.message["attachments"][0]["text"]
            for each in stands.inbox.deliveries
            if "HighErrorRate" in each.title
        )
    assert titles == [("slack", "firing"), ("slack", "resolved")]
    assert "Most by: drill-unlucky" in firing
    assert "error" not in firing.replace("get an error instead of an answer", "")
    assert "%" not in over, "a message that is over repeats no value"


def test_an_alert_that_is_not_there_is_reported_with_one_that_is():
    with pytest.raises(InvalidRequest, match=r"no alert HighErorRate: did you mean HighErrorRate\?"):
        run_drill(["HighErorRate"], live=False)


async def test_one_says_what_to_drill():
    code, _, err = await command()
    assert (code, b"--all" in err) == (2, True)


def test_each_alert_has_one_fault():
    alerts = [alert for fault in FAULTS for alert in fault.alerts]
    assert sorted([*alerts, ENGINE_DOWN]) == sorted(DRILLED)
    assert {alert.name for alert in EVERY_ALERT} == set(DRILLED)
