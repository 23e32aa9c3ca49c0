"""The newest alerts that Alertmanager has reported."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import RowMapping, Update, delete, func, select, update

from vital_shared.models.alert import MAX_ALERTS, Alert, AlertNotification, NotifiedAlert
from vital_shared.store.alert_table import alerts
from vital_shared.store.database import Database
from vital_shared.store.upsert import upsert

__all__ = ["AlertStore"]

KEY: Final = ("fingerprint", "starts_at")
NEWEST: Final = (alerts.c.received_at.desc(), alerts.c.id.desc())

_texts: Final[TypeAdapter[dict[str, str]]] = TypeAdapter(dict[str, str])


class AlertStore:
    """Alerts, each once however often it was reported: when it fires again, it is another.

    :param most: the number of alerts kept.
    """

    def __init__(self, database: Database, *, most: int = MAX_ALERTS) -> None:
        self._database = database
        self._most = most

    async def record(self, notification: AlertNotification, *, now: datetime) -> None:
        """Store the alerts of a notification, and delete those that are older than the newest.

        An alert that fires again has ended before, also where its end was never reported: Alertmanager
        cannot reach an engine that is down, and reports nothing of an earlier time once it fires again.
        """
        if not notification.alerts:
            return
        rows = [_row(alert, notification.receiver, now) for alert in notification.alerts]
        statement = upsert(alerts, self._database.dialect)
        news = {name: statement.excluded[name] for name in rows[0] if name not in KEY}
        newest = select(alerts.c.id).order_by(*NEWEST).limit(self._most)
        async with self._database.begin() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=KEY, set_=news), rows)
            await connection.execute(_end_earlier({row["fingerprint"] for row in rows}))
            await connection.execute(delete(alerts).where(alerts.c.id.not_in(newest)))

    async def last_sign(self, name: str) -> datetime | None:
        """Return when an alert of this name was last received as firing, or else when it ended."""
        named = alerts.c.labels.contains(f'"alertname":{to_json(name).decode()}', autoescape=True)
        newest = select(alerts.c.received_at, alerts.c.ends_at).where(named).order_by(*NEWEST).limit(1)
        async with self._database.connect() as connection:
            found = (await connection.execute(newest)).one_or_none()
        return None if found is None else found.ends_at or found.received_at

    async def newest(self, limit: int) -> tuple[Alert, ...]:
        """Return the alerts that were reported last, the newest first."""
        async with self._database.connect() as connection:
            rows = await connection.execute(select(alerts).order_by(*NEWEST).limit(limit))
            return tuple(_alert(row) for row in rows.mappings())


def _end_earlier(fingerprints: Collection[str]) -> Update:
    """End what fires still and has fired again since: at the latest when it began again."""
    later = alerts.alias()
    begun_again = (
        select(func.min(later.c.starts_at))
        .where(later.c.fingerprint == alerts.c.fingerprint, later.c.starts_at > alerts.c.starts_at)
        .scalar_subquery()
    )
    still = alerts.c.status == "firing", alerts.c.fingerprint.in_(fingerprints), begun_again.is_not(None)
    return update(alerts).where(*still).values(status="resolved", ends_at=begun_again)


def _row(alert: NotifiedAlert, receiver: str, now: datetime) -> dict[str, Any]:
    return {
        "fingerprint": alert.fingerprint,
        "starts_at": alert.starts_at,
        "status": alert.status,
        "ends_at": alert.ends_at if alert.status == "resolved" else None,
        "labels": to_json(alert.labels).decode(),
        "annotations": to_json(alert.annotations).decode(),
        "generator_url": alert.generator_url,
        "receiver": receiver,
        "received_at": now,
    }


def _alert(row: RowMapping) -> Alert:
    fields = {name: row[name] for name in Alert.model_fields}
    texts = {name: _texts.validate_json(row[name]) for name in ("labels", "annotations")}
    return Alert(**(fields | texts))
