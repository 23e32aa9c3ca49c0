"""The drill of EngineDown: the engine is killed while other alerts fire, three times.

Of the faults, one is gone when the engine is back, and the others are still there. Nothing may say RESOLVED
while the engine is down, and each incident has to end at each receiver when its fault is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp

from vital_ops.drill.drill import StationReporter
from vital_ops.drill.fault_makers import Site
from vital_ops.drill.faults import FAULTS, DrillFault
from vital_ops.drill.journey import Journey, Receiver
from vital_ops.drill.receivers import StandingIn
from vital_ops.drill.switch import kill_engine, release_engine
from vital_ops.receivers.delivery import Place, Status

__all__ = ["ENGINE_DOWN", "OutageDrill"]

ENGINE_DOWN: Final = "EngineDown"
REPLICA_DOWN: Final = "ReplicaDown"
WORDS: Final = "the engine is killed while other alerts fire: for 1, 10 and 60 minutes"

PASSING: Final = "HighErrorRate"
"""The alert whose fault is gone when the engine is back."""
LASTING: Final = ("HighToolFailureRate", "HighRAGFailureRate", "DeadLetters")
"""Alerts whose faults are still there."""

OUTAGE_SECONDS: Final = (0.0, 10.0, 20.0)
"""Scaled outages of 1, 10 and 60 minutes; the first lasts as long as an engine takes to start, the last
exceeds every window of the drill."""

PAGE_SECONDS: Final = 15.0
"""The longest time until the page: two scrapes, ``for``, and a busy machine."""

NOTICE_SECONDS: Final = 3.0
"""The longest time until Prometheus knows that the engine is down, and evaluates no older samples of it."""

PATIENCE_SECONDS: Final = 60.0

POLL_SECONDS: Final = 0.25


class OutageFailure(Exception):
    """Something in an outage was not as it should be, in a sentence."""


class OutageDrill:
    """A drill that kills the engine thrice, and follows every incident to every receiver.

    :param alerts: the receivers of each alert beside the engine.
    """

    def __init__(
        self,
        site: Site,
        receivers: StandingIn,
        alerts: Mapping[str, frozenset[Receiver]],
        report: StationReporter,
    ) -> None:
        self._site = site
        self._report = report
        self._receivers = receivers
        self._places: dict[str, frozenset[Place]] = {
            name: frozenset(place for place in places if place != "engine") for name, places in alerts.items()
        }
        self._began = datetime.now(UTC)

    async def run(self) -> Journey:
        """Run the drill; what goes wrong is the journey's problem."""
        journey = Journey(ENGINE_DOWN, WORDS, frozenset(self._places[ENGINE_DOWN]))
        try:
            async with self._fault_of(*LASTING):
                await self._all_notified(LASTING, "firing", self._began)
                lasting_since = datetime.now(UTC)
                for seconds in OUTAGE_SECONDS:
                    await self._outage(seconds, journey)
                self._nobody_said_resolved(LASTING, lasting_since)
            await self._all_notified(LASTING, "resolved", lasting_since)
            await self._engine_agrees((PASSING, *LASTING))
        except OutageFailure as failure:
            journey.problem = str(failure)
        finally:
            release_engine(self._site.at.folder)
        return journey

    async def _outage(self, seconds: float, journey: Journey) -> None:
        before = datetime.now(UTC)
        async with self._fault_of(PASSING):
            await self._all_notified((PASSING,), "firing", before)
            killed = datetime.now(UTC)
            kill_engine(self._site.at.folder)
        if seconds:
            await self._paged(killed, journey)
            await asyncio.sleep((killed + timedelta(seconds=seconds) - datetime.now(UTC)).total_seconds())
            await self._firing_in_prometheus((PASSING, *LASTING))
            await self._nothing_else_fires(killed)
        self._nobody_said_resolved((PASSING, *LASTING), killed)
        back = datetime.now(UTC)
        release_engine(self._site.at.folder)
        await self._all_notified((PASSING,), "resolved", back)
        for place in self._receivers.said(ENGINE_DOWN, "firing", killed):
            over = await self._notified(place, ENGINE_DOWN, "resolved", killed)
            journey.resolved[place] = self._seconds(over)
            self._report(journey, f"over, says {place}", self._seconds(over))
        await self._firing_in_prometheus(LASTING)

    async def _paged(self, killed: datetime, journey: Journey) -> None:
        for place in journey.receivers:
            assert place != "engine"  # noqa: S101 - the engine is down
            at = await self._notified(place, ENGINE_DOWN, "firing", killed, PAGE_SECONDS)
            journey.delivered[place] = self._seconds(at)
            self._report(
                journey,
                f"with {place}, {(at - killed).total_seconds():.1f} s after the kill",
                self._seconds(at),
            )
        journey.pending = self._seconds(killed)
        journey.firing = min(journey.delivered.values())

    @asynccontextmanager
    async def _fault_of(self, *alerts: str) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(fault.make(self._site)) for fault in _faults(alerts)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _all_notified(self, alerts: Iterable[str], status: Status, since: datetime) -> None:
        for alert in alerts:
            for place in self._places[alert]:
                await self._notified(place, alert, status, since)

    async def _notified(
        self, place: Place, alert: str, status: Status, since: datetime, patience: float = PATIENCE_SECONDS
    ) -> datetime:
        try:
            async with asyncio.timeout(patience):
                return await self._receivers.notified(place, alert, status, since)
        except TimeoutError:
            raise OutageFailure(
                f"{place} received no {status.upper()} of {alert} within {patience:g} seconds."
            ) from None

    def _nobody_said_resolved(self, alerts: Iterable[str], since: datetime) -> None:
        for alert in alerts:
            if places := self._receivers.said(alert, "resolved", since):
                raise OutageFailure(
                    f"{', '.join(sorted(places))} received RESOLVED of {alert} while its fault was there."
                )

    async def _firing_in_prometheus(self, alerts: Iterable[str]) -> None:
        if missing := sorted({*alerts} - {*await self._firing_since()}):
            raise OutageFailure(f"{', '.join(missing)} no longer fires, though its fault is there.")

    async def _nothing_else_fires(self, killed: datetime) -> None:
        """See that no alert has begun but those that say that the engine is down."""
        noticed = killed + timedelta(seconds=NOTICE_SECONDS)
        began = {name for name, at in (await self._firing_since()).items() if at > noticed}
        if more := sorted(began - {ENGINE_DOWN, REPLICA_DOWN}):
            raise OutageFailure(f"{', '.join(more)} fires beside {ENGINE_DOWN}, since no engine is up.")

    async def _firing_since(self) -> dict[str, datetime]:
        """Return the alerts that fire, and the last time at which the condition of each became true."""
        async with self._site.client.get(f"{self._site.at.prometheus}/api/v1/alerts") as response:
            found = (await response.json())["data"]["alerts"]
        times = (
            (alert["labels"]["alertname"], datetime.fromisoformat(alert["activeAt"]))
            for alert in found
            if alert["state"] == "firing"
        )
        return dict(sorted(times, key=lambda each: each[1]))

    async def _engine_agrees(self, alerts: Iterable[str]) -> None:
        """Wait until the engine, a receiver that was down itself, has all incidents as ended."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while still := await self._open_at_engine(alerts):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise OutageFailure(f"The engine still lists {', '.join(sorted(still))} as firing.") from None

    async def _open_at_engine(self, alerts: Iterable[str]) -> set[str]:
        try:
            async with self._site.client.get(f"{self._site.at.engine}/v1/alerts") as response:
                listed = (await response.json())["alerts"]
        except aiohttp.ClientError:
            return {*alerts}  # it does not serve yet
        open_names = {each["labels"]["alertname"] for each in listed if each["status"] == "firing"}
        return {*alerts, ENGINE_DOWN} & open_names

    def _seconds(self, at: datetime) -> float:
        return (at - self._began).total_seconds()


def _faults(alerts: Iterable[str]) -> list[DrillFault]:
    """Return the faults of alerts; one that makes others fire too does no harm."""
    return [fault for fault in FAULTS if fault.alerts & {*alerts}]
