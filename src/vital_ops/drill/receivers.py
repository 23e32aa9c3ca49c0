"""The arrival of notifications, as a drill observes it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from vital_ops.receivers.delivery import Delivery, Inbox, Place, Status

__all__ = ["Live", "Receivers", "StandingIn"]

POLL_SECONDS: Final = 0.2

ALWAYS: Final = datetime.min.replace(tzinfo=UTC)


class Receivers(Protocol):
    """The receivers of notifications, beside the engine."""

    async def notified(self, place: Place, alert: str, status: Status) -> datetime:
        """Return when a place was notified that an alert fires or is over, as soon as it is."""
        ...

    def got(self, alert: str) -> frozenset[Place]:
        """Name the places that have got anything about an alert, as far as that can be known."""
        ...


class StandingIn:
    """The stand-ins, which know what they have got."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def notified(self, place: Place, alert: str, status: Status, since: datetime = ALWAYS) -> datetime:
        """Wait for a notification that says it of the alert."""
        delivery = await self._inbox.wait_for(
            lambda each: each.place == place and each.at >= since and _says(each, alert, status)
        )
        return delivery.at

    def said(self, alert: str, status: Status, since: datetime) -> frozenset[Place]:
        """Name the places that were notified of an alert's status since a moment."""
        return frozenset(
            each.place for each in self._inbox.deliveries if each.at >= since and _says(each, alert, status)
        )

    def got(self, alert: str) -> frozenset[Place]:
        """Look through all that has come."""
        return frozenset(each.place for each in self._inbox.deliveries if _is_about(each, alert))


class Live:
    """The real ones: Alertmanager knows how many of its requests they have taken, and not about what.

    :param alertmanager: its address.
    """

    def __init__(self, client: aiohttp.ClientSession, alertmanager: str) -> None:
        self._client = client
        self._url = f"{alertmanager}/metrics"
        self._expected: Counter[Place] = Counter()

    async def notified(self, place: Place, alert: str, status: Status) -> datetime:  # noqa: ARG002 - nobody says
        """Wait until a place has taken one request more than were waited for before."""
        self._expected[place] += 1
        expected = self._expected[place]
        while await self._taken(place) < expected:  # noqa: ASYNC110 - Alertmanager has to be polled
            await asyncio.sleep(POLL_SECONDS)
        return datetime.now(UTC)

    def got(self, alert: str) -> frozenset[Place]:  # noqa: ARG002 - the interface
        """Nothing is known."""
        return frozenset()

    async def _taken(self, place: Place) -> float:
        async with self._client.get(self._url) as response:
            text = await response.text()
        counts = {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.labels.get("integration") == place
        }
        asked = counts.get("alertmanager_notification_requests_total", 0.0)
        return asked - counts.get("alertmanager_notification_requests_failed_total", 0.0)


def _says(delivery: Delivery, alert: str, status: Status) -> bool:
    """Say whether a notification says it of an alert, which can be over while others of its incident fire."""
    if delivery.status == status and _is_about(delivery, alert):
        return True
    over = rf"\b{alert}(?: \([^)]*\))? is over"
    return status == "resolved" and any(re.search(over, text) for text in _texts(delivery.message))


def _texts(message: object) -> Iterator[str]:
    """List the texts of a message, which is one itself, or JSON that was read."""
    if isinstance(message, str):
        yield message
    elif isinstance(message, Mapping):
        for part in message.values():
            yield from _texts(part)
    elif isinstance(message, list):
        for part in message:
            yield from _texts(part)


def _is_about(delivery: Delivery, alert: str) -> bool:
    return re.search(rf"\b{alert}\b", delivery.title) is not None
