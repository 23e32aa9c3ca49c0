"""Alerts: kept once each, the newest, as they came last."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from vital_shared.models.alert import AlertNotification, NotifiedAlert
from vital_shared.store.alert_table import alerts
from vital_shared.store.alerts import AlertStore
from vital_shared.store.database import Database

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NEVER = datetime(1, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(database: Database) -> AlertStore:
    return AlertStore(database, most=3)


def alert(fingerprint: str = "a1", *, minutes: int = 0, status: str = "firing") -> NotifiedAlert:
    started = NOW + timedelta(minutes=minutes)
    return NotifiedAlert(
        status=status,
        labels={"alertname": "HighErrorRate", "note": "€ \x00"},
        annotations={"summary": "8 % fail"},
        starts_at=started,
        ends_at=NEVER if status == "firing" else started + timedelta(minutes=1),
        generator_url="http://127.0.0.1:9090/graph",
        fingerprint=fingerprint,
    )


async def notify(store: AlertStore, *reported: NotifiedAlert, minutes: int = 0) -> None:
    notification = AlertNotification(version="4", receiver="engine", alerts=reported)
    await store.record(notification, now=NOW + timedelta(minutes=minutes))


async def test_an_alert_is_read_back_as_it_came(store: AlertStore):
    await notify(store, alert())
    (kept,) = await store.newest(10)
    assert kept.labels == {"alertname": "HighErrorRate", "note": "€ \x00"}
    assert kept.annotations == {"summary": "8 % fail"}
    assert (kept.status, kept.starts_at, kept.ends_at, kept.receiver) == ("firing", NOW, None, "engine")
    assert (kept.received_at, kept.generator_url) == (NOW, "http://127.0.0.1:9090/graph")


async def test_an_alert_that_is_reported_of_again_is_the_same(store: AlertStore):
    await notify(store, alert())
    await notify(store, alert(), minutes=1)
    await notify(store, alert(status="resolved"), minutes=2)
    (kept,) = await store.newest(10)
    assert (kept.status, kept.ends_at) == ("resolved", NOW + timedelta(minutes=1))
    assert kept.received_at == NOW + timedelta(minutes=2)


async def test_an_alert_that_fires_again_later_is_another(store: AlertStore):
    await notify(store, alert(status="resolved"))
    await notify(store, alert(minutes=5), minutes=5)
    assert [kept.status for kept in await store.newest(10)] == ["firing", "resolved"]


async def test_an_alert_whose_end_was_never_reported_ended_before_it_fires_again(store: AlertStore):
    """The engine was down when Alertmanager would have reported it."""
    again = NOW + timedelta(minutes=5)
    await notify(store, alert(), alert("other"))
    await notify(store, alert(minutes=5), minutes=5)
    assert [(kept.fingerprint, kept.status, kept.ends_at) for kept in await store.newest(10)] == [
        ("a1", "firing", None),
        ("other", "firing", None),
        ("a1", "resolved", again),
    ]


async def test_an_older_notification_that_comes_late_opens_no_incident_again(store: AlertStore):
    await notify(store, alert(minutes=5), minutes=5)
    await notify(store, alert(), minutes=6)
    late, newer = await store.newest(10)
    assert (late.status, late.ends_at, newer.status) == ("resolved", newer.starts_at, "firing")


async def test_only_the_last_are_kept(store: AlertStore, database: Database):
    for minute, name in enumerate("abcd"):
        await notify(store, alert(name), minutes=minute)
    await notify(store, alert("b"), alert("e"), minutes=9)
    assert {kept.fingerprint for kept in await store.newest(10)} == {"b", "d", "e"}
    assert len(await store.newest(2)) == 2
    async with database.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(alerts)) == 3


async def test_a_notification_may_be_empty_and_may_name_an_alert_twice(store: AlertStore):
    await notify(store)
    assert await store.newest(10) == ()
    await notify(store, alert(), alert(status="resolved"))
    assert [kept.status for kept in await store.newest(10)] == ["resolved"]
