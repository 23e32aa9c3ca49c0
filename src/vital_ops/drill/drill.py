"""The drill: make faults, and follow their alerts to the people who have to know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp

from vital_ops.drill.alert_watch import AlertWatch, State
from vital_ops.drill.fault_makers import Site
from vital_ops.drill.faults import FAULTS, DrillFault
from vital_ops.drill.journey import Journey, Receiver
from vital_ops.drill.receivers import Receivers
from vital_ops.receivers.delivery import Status
from vital_ops.stack.scratch import Scratch

__all__ = ["Drill", "StationReporter"]

PATIENCE_SECONDS: Final = 150.0

WORDS: Final[Mapping[Status, str]] = {"firing": "with", "resolved": "over, says"}

StationReporter = Callable[[Journey, str, float], None]
"""Called with each station that an alert comes to, and the seconds since the drill began."""


class Drill:
    """One drill, of any number of alerts at once.

    :param receivers: all but the engine.
    :param patience: seconds that an alert may take to reach its receivers, and again to be over.
    """

    def __init__(
        self,
        client: aiohttp.ClientSession,
        at: Scratch,
        receivers: Receivers,
        report: StationReporter,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._client = client
        self._at = at
        self._receivers = receivers
        self._report = report
        self._patience = patience
        self._watch = AlertWatch(client, prometheus=at.prometheus, engine=at.engine)
        self._began = datetime.now(UTC)

    async def run(
        self, alerts: Mapping[str, frozenset[Receiver]], faults: Iterable[DrillFault] = FAULTS
    ) -> list[Journey]:
        """Make the faults of alerts, and follow the alerts until they are over.

        Those that have to be alone come first, one after the other, and then all others at once.

        :param alerts: the receivers of each, by its name, beside the engine, which gets all.
        """
        journeys = {
            alert: Journey(alert, fault.words, alerts[alert] | {"engine"})
            for fault in faults
            for alert in alerts
            if alert in fault.alerts
        }
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch.run())
            for together in _groups(faults):
                async with asyncio.TaskGroup() as making:
                    for fault in together:
                        own = [journey for alert, journey in journeys.items() if alert in fault.alerts]
                        making.create_task(self._make(fault, own))
            watching.cancel()
        for journey in journeys.values():
            journey.strays = frozenset(self._receivers.got(journey.alert) - journey.receivers)
        return [journeys[alert] for alert in alerts]

    async def _make(self, fault: DrillFault, journeys: Sequence[Journey]) -> None:
        """Make a fault until its alerts are with their receivers, and follow these until they are over."""
        if not journeys:
            return
        fault_task = asyncio.create_task(fault.make(Site(self._client, self._at)))
        try:
            await self._all(self._there(journey) for journey in journeys)
        finally:
            fault_task.cancel()
            await asyncio.wait({fault_task})
        await self._all(self._back(journey) for journey in journeys if journey.delivered)
        if not fault_task.cancelled() and (error := fault_task.exception()):
            for journey in journeys:
                if journey.failure:
                    journey.problem = f"{journey.failure} Its fault could not be made or ended: {error!r}."

    async def _all(self, ways: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Go several ways at once, as far as patience lasts: the journeys show what is missing then."""
        try:
            async with asyncio.timeout(self._patience), asyncio.TaskGroup() as tasks:
                for way in ways:
                    tasks.create_task(way)
        except TimeoutError:
            return

    async def _there(self, journey: Journey) -> None:
        journey.pending = self._seconds(await self._watch.wait_for(journey.alert, "pending"))
        self._report(journey, "pending", journey.pending)
        journey.firing = self._seconds(await self._watch.wait_for(journey.alert, "firing"))
        self._report(journey, "firing", journey.firing)
        await self._with_all(journey, "firing", journey.delivered)
        # Prometheus is asked now and then: a receiver may have known sooner than we saw it.
        journey.firing = min(journey.firing, *journey.delivered.values())

    async def _back(self, journey: Journey) -> None:
        await self._with_all(journey, "resolved", journey.resolved)

    async def _with_all(self, journey: Journey, status: Status, times: dict[Receiver, float]) -> None:
        async def with_one(receiver: Receiver) -> None:
            times[receiver] = self._seconds(await self._notified(receiver, journey.alert, status))
            self._report(journey, f"{WORDS[status]} {receiver}", times[receiver])

        async with asyncio.TaskGroup() as tasks:
            for receiver in journey.receivers:
                tasks.create_task(with_one(receiver))

    async def _notified(self, receiver: Receiver, alert: str, status: Status) -> datetime:
        if receiver == "engine":
            state: State = "notified_firing" if status == "firing" else "notified_resolved"
            return await self._watch.wait_for(alert, state)
        return await self._receivers.notified(receiver, alert, status)

    def _seconds(self, at: datetime) -> float:
        return (at - self._began).total_seconds()


def _groups(faults: Iterable[DrillFault]) -> list[list[DrillFault]]:
    """Divide faults into those that are made at the same time."""
    known = list(faults)
    alone = [[fault] for fault in known if fault.is_alone]
    return [*alone, [fault for fault in known if not fault.is_alone]]
