"""The stand-ins take what Slack, PagerDuty and mail servers take, and refuse what those refuse."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from vital_ops.receivers.stand_ins import ROUTING_KEY, StandIns, stand_ins

EVENT: dict[str, Any] = {
    "routing_key": ROUTING_KEY,
    "event_action": "trigger",
    "dedup_key": "k",
    "payload": {"summary": "[FIRING] HighErrorRate", "source": "alertmanager", "severity": "critical"},
}


@pytest.fixture
async def stands() -> AsyncIterator[StandIns]:
    async with stand_ins() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def titles(stands: StandIns) -> list[tuple[str, str, str]]:
    return [(each.place, each.status, each.title) for each in stands.inbox.deliveries]


@pytest.mark.parametrize(
    ("message", "title", "status"),
    [
        ({"text": "[FIRING:1] HighLatency"}, "[FIRING:1] HighLatency", "firing"),
        ({"attachments": [{"title": "[RESOLVED] HighLatency"}]}, "[RESOLVED] HighLatency", "resolved"),
        ({"attachments": [{"fallback": "HighLatency"}]}, "HighLatency", "firing"),
    ],
)
async def test_slack_takes_a_message(stands, client, message, title, status):
    response = await client.post(stands.slack_url, json=message)
    assert (response.status_code, response.text) == (200, "ok")
    assert titles(stands) == [("slack", status, title)]
    assert stands.inbox.deliveries[0].message == message


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("", b"{", 400, "invalid_payload"),
        ("", b"[]", 400, "invalid_payload"),
        ("", b"{}", 400, "no_text"),
        ("", b'{"attachments": [' + b"{}," * 100 + b"{}]}", 400, "too_many_attachments"),
        ("X", b'{"text": "x"}', 404, "no_service"),
    ],
)
async def test_slack_refuses_in_its_own_words(stands, client, path, body, status, word):
    response = await client.post(stands.slack_url + path, content=body)
    assert (response.status_code, response.text) == (status, word)
    assert titles(stands) == []


async def test_pagerduty_takes_events(stands, client):
    for action in ("trigger", "acknowledge", "resolve"):
        response = await client.post(stands.pagerduty_url, json=EVENT | {"event_action": action})
        assert response.status_code == 202
        assert response.json() == {"status": "success", "message": "Event processed", "dedup_key": "k"}
    assert titles(stands) == [
        ("pagerduty", "firing", "[FIRING] HighErrorRate"),
        ("pagerduty", "resolved", "[FIRING] HighErrorRate"),
    ]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"routing_key": "short"}, "routing_key"),
        ({"event_action": "open"}, "event_action"),
        ({"dedup_key": "k" * 256}, "dedup_key"),
        ({"event_action": "resolve", "dedup_key": ""}, "dedup_key"),
        ({"payload": None}, "payload"),
        ({"payload": EVENT["payload"] | {"summary": "x" * 1_025}}, "payload.summary"),
        ({"payload": EVENT["payload"] | {"source": ""}}, "payload.source"),
        ({"payload": EVENT["payload"] | {"severity": "bad"}}, "payload.severity"),
    ],
)
async def test_pagerduty_refuses_what_does_not_fit_its_description(stands, client, wrong, named):
    response = await client.post(stands.pagerduty_url, json=EVENT | wrong)
    assert response.status_code == 400
    assert response.json()["status"] == "invalid event"
    assert f"'{named}'" in response.json()["errors"][0]
    assert titles(stands) == []


async def test_mail_comes_by_smtp(stands):
    mail = EmailMessage()
    mail["Subject"] = "[RESOLVED] HighDailyCost: 120 €"
    mail["From"], mail["To"] = "vital@example.org", "ops@example.org"
    mail.set_content("It costs\n.a dot\n")

    def send() -> None:
        host, port = stands.smtp_address.split(":")
        with smtplib.SMTP(host, int(port)) as smtp:
            smtp.send_message(mail)

    await asyncio.to_thread(send)
    assert titles(stands) == [("email", "resolved", "[RESOLVED] HighDailyCost: 120 €")]
    (delivery,) = stands.inbox.deliveries
    assert (delivery.address, delivery.message.splitlines()) == ("ops@example.org", ["It costs", ".a dot"])


async def test_who_waits_for_a_delivery_gets_it(stands, client):
    waiting = asyncio.create_task(stands.inbox.wait_for(lambda each: each.title == "two"))
    for text in ("one", "two", "three"):
        await client.post(stands.slack_url, json={"text": text})
    assert (await waiting).title == "two"
    assert (await stands.inbox.wait_for(lambda each: each.title == "one")).title == "one"


async def test_it_stops_although_a_client_holds_a_connection_open():
    async with stand_ins() as stands:
        host, port = stands.smtp_address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        assert (await reader.readline()).startswith(b"220 ")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
