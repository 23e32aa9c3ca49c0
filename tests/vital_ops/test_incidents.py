"""One incident is one page at a real Alertmanager, however many of its alerts fire, and ends when all are over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import yaml

from vital_ops.destinations import Destinations
from vital_ops.receivers.delivery import Delivery
from vital_ops.receivers.stand_ins import ROUTING_KEY, StandIns, stand_ins
from vital_ops.routing import QUICK, routing
from vital_ops.rules.files import rule_files
from vital_ops.stack.alertmanager import alertmanager
from vital_ops.stack.ports import free_port
from vital_ops.stack.program import start, stop
from vital_ops.stack.secret_files import write_secret
from vital_ops.stack.stack import HOST
from vital_ops.stack.supervise import until_ready

RULES = {
    rule["alert"]: rule["labels"]
    for text in rule_files().values()
    for group in yaml.safe_load(text)["groups"]
    for rule in group["rules"]
    if "alert" in rule
}


class Watched:
    """An Alertmanager, with the alerts that are posted to it and its notifications."""

    def __init__(self, url: str, client: aiohttp.ClientSession, stands: StandIns) -> None:
        self._url = url
        self._client = client
        self.stands = stands

    async def post(self, *names: str, over: bool = False, **more: str) -> None:
        """Post alerts with the labels that their rules give them, as a Prometheus does."""
        now = datetime.now(UTC)
        end = {"endsAt": (now if over else now + timedelta(minutes=5)).isoformat()}
        alerts = [
            {
                "labels": {"alertname": name, **RULES[name], **more},
                "annotations": {"summary": f"{name} fires", "dashboard_url": "http://x/d/1"},
                "startsAt": (now - timedelta(minutes=1)).isoformat(),
                **end,
            }
            for name in names
        ]
        async with self._client.post(f"{self._url}/api/v2/alerts", json=alerts) as answer:
            answer.raise_for_status()

    async def page(self, status: str, *words: str) -> Delivery:
        """Wait for a page with these words."""
        return await self.stands.inbox.wait_for(
            lambda each: (
                each.place == "pagerduty"
                and each.status == status
                and all(word in str(each.message) for word in words)
            )
        )

    async def message(self, *words: str) -> Delivery:
        """Wait for a message at Slack with these words."""
        return await self.stands.inbox.wait_for(
            lambda each: each.place == "slack" and all(word in str(each.message) for word in words)
        )

    @property
    def keys(self) -> set[str]:
        """The incidents at PagerDuty."""
        pages = (each.message for each in self.stands.inbox.deliveries if each.place == "pagerduty")
        return {page["dedup_key"] for page in pages}


@pytest.fixture
async def watched(tmp_path) -> AsyncIterator[Watched]:
    async with stand_ins() as stands, aiohttp.ClientSession() as client:
        to = Destinations(
            engine_url=stands.slack_url,
            slack_url_file=write_secret(tmp_path / "slack", stands.slack_url),
            pagerduty_key_file=write_secret(tmp_path / "pagerduty", ROUTING_KEY),
            pagerduty_url=stands.pagerduty_url,
        )
        address = f"{HOST}:{free_port(HOST)}"
        configuration = write_secret(tmp_path / "alertmanager.yml", routing(to, QUICK))
        program = alertmanager(tmp_path, address, configuration, f"http://{address}")
        process = await start(program)
        try:
            await until_ready(program, process, client)
            yield Watched(f"http://{address}", client, stands)
        finally:
            await stop(process)


async def test_an_error_rate_and_its_burnt_budget_are_one_incident(watched):
    async with asyncio.timeout(60):
        await watched.post("HighErrorRate", "AvailabilityBurnsFast")
        both = await watched.page("firing", "HighErrorRate", "AvailabilityBurnsFast")
        await watched.post("HighErrorRate", over=True)
        await watched.post("AvailabilityBurnsFast")
        await watched.page("firing", "HighErrorRate is over")
        assert not any(each.status == "resolved" for each in watched.stands.inbox.deliveries)
        await watched.post("AvailabilityBurnsFast", over=True)
        ended = await watched.page("resolved")
        assert watched.keys == {both.message["dedup_key"]} == {ended.message["dedup_key"]}


async def test_an_alert_that_comes_later_joins_the_incident(watched):
    async with asyncio.timeout(60):
        await watched.post("HighErrorRate")
        await watched.page("firing", "HighErrorRate")
        await watched.post("HighErrorRate", "AvailabilityBurnsFast")
        await watched.page("firing", "HighErrorRate", "AvailabilityBurnsFast")
        assert len(watched.keys) == 1


async def test_the_same_alert_of_two_environments_is_two_incidents(watched):
    async with asyncio.timeout(60):
        await watched.post("HighErrorRate", environment="production")
        await watched.post("HighErrorRate", environment="staging")
        await watched.page("firing", "production")
        await watched.page("firing", "staging")
        assert len(watched.keys) == 2
        await watched.post("HighErrorRate", environment="staging", over=True)
        ended = await watched.page("resolved")
        assert "staging" in str(ended.message)


ONE_FAULT = {
    "all requests of all tenants fail": (
        "HighErrorRate",
        "AvailabilityBurnsFast",
        "AvailabilityBurnsSlowly",
        "TenantAvailability",
    ),
    "a model is slow": ("HighLatency", "VeryHighLatency", "FirstTokenBurnsFast", "FirstTokenBurnsSlowly"),
    "a source and a tool fail": (
        "HighRAGFailureRate",
        "HighToolFailureRate",
        "HighDegradationRate",
        "LowQualityScore",
        "QualityBurnsFast",
        "QualityBurnsSlowly",
    ),
    "the cache is too small": ("CacheNearCapacity", "HighCacheEvictionRate", "LowCacheHitRate"),
    "a tenant runs a loop": ("SuddenCostSpike", "HighDailyCost"),
    "one engine after the other dies": ("WorkerRestarts", "ReplicaDown", "EngineDown"),
    "the engine is overloaded": ("EngineRejecting", "TrafficDropped"),
}


@pytest.mark.parametrize("fault", ONE_FAULT)
def test_the_alerts_of_one_fault_are_one_incident(fault):
    assert len({RULES[alert]["incident"] for alert in ONE_FAULT[fault]}) == 1


def test_faults_are_incidents_of_their_own():
    incidents = {RULES[alerts[0]]["incident"] for alerts in ONE_FAULT.values()}
    alone = RULES.keys() - {alert for alerts in ONE_FAULT.values() for alert in alerts}
    assert len(incidents) == len(ONE_FAULT)
    assert {RULES[alert]["incident"] for alert in alone} == alone


async def test_alerts_with_other_receivers_are_one_incident_at_each_receiver(watched):
    """Slack has had a message for each set of receivers, though the fault is the same."""
    async with asyncio.timeout(60):
        await watched.post("LowQualityScore", "HighRAGFailureRate", "QualityBurnsFast")
        slack = await watched.message("LowQualityScore", "QualityBurnsFast")
        assert "HighRAGFailureRate" not in str(slack.message)
        page = await watched.page("firing", "HighRAGFailureRate", "QualityBurnsFast")
        assert "LowQualityScore" not in str(page.message)
        await watched.post("HighRAGFailureRate", "LowQualityScore", "QualityBurnsFast", over=True)
        assert (await watched.page("resolved")).message["dedup_key"] == page.message["dedup_key"]
        await watched.message("RESOLVED", "QualityBurnsFast")
        assert watched.keys == {page.message["dedup_key"]}


async def test_an_incident_is_as_grave_as_its_gravest_alert(watched):
    async with asyncio.timeout(60):
        await watched.post("HighErrorRate")
        first = await watched.page("firing", "HighErrorRate")
        await watched.post("HighErrorRate", "AvailabilityBurnsFast")
        both = await watched.page("firing", "AvailabilityBurnsFast")
    severities = [each.message["payload"]["severity"] for each in (first, both)]
    assert severities == ["warning", "critical"]


async def test_a_title_names_no_alert_that_is_over_while_others_fire(watched):
    async with asyncio.timeout(60):
        await watched.post("HighErrorRate", "AvailabilityBurnsFast")
        await watched.page("firing", "HighErrorRate", "AvailabilityBurnsFast")
        await watched.post("HighErrorRate")
        await watched.post("AvailabilityBurnsFast", over=True)
        page = await watched.page("firing", "AvailabilityBurnsFast is over")
    assert "AvailabilityBurnsFast" not in page.title
    assert "HighErrorRate: HighErrorRate fires" in page.title


async def test_a_fault_of_a_thousand_tenants_is_one_message_that_can_be_read(watched):
    async with asyncio.timeout(60):
        for number in range(1_000):
            await watched.post("TenantAvailability", tenant_id=f"tenant-{number:03}")
        message = await watched.message("10 of the 1000 alerts that fire are listed")
    assert message.title.endswith("and others: TenantAvailability fires")
    assert len(str(message.message)) < 4_000


ODD = 'a "b" \\ {d} {{ .E }} ünï\n<f> `g`'


async def test_a_tenant_of_any_name_can_be_in_a_message(watched):
    async with asyncio.timeout(60):
        await watched.post("HighErrorRate", "TenantAvailability", tenant_id=ODD)
        page = await watched.page("firing", "HighErrorRate")
        wanted = f"TenantAvailability ({ODD})"
        await watched.stands.inbox.wait_for(lambda each: each.place == "slack" and wanted in each.title)
    assert f"HighErrorRate ({ODD})" in page.message["payload"]["summary"]
